# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The shaders (GLSL); surfaces write colour and (depth along the optical axis, class id)."""
from bdl_perception.world.scene import DAYLIGHT_M
from bdl_perception.world.shadows import (
    MIN_SHADOW_OFFSET_M,
    SHADOW_BIAS,
    SHADOW_DEPTH_M,
    SHADOW_PCF_OFFSET,
    SHADOW_TEXELS,
)

SURFACE_VERTEX = """#version 330
in vec3 position; in vec3 normal; in vec2 uv; in vec4 colour_metal; in vec4 surface;
uniform mat4 view_projection; uniform mat4 pose;
out vec3 world; out vec3 world_normal; out vec2 tile; out vec3 colour; out float metal;
flat out vec4 layer_class_rough_emission;
void main() {
  vec4 placed = pose * vec4(position, 1.0);
  world = placed.xyz;
  world_normal = mat3(pose) * normal;
  tile = uv;
  colour = colour_metal.rgb;
  metal = colour_metal.a;
  layer_class_rough_emission = surface;
  gl_Position = view_projection * placed;
}"""

NOISE = """
float hash(vec2 p) { return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453); }
float noise(vec2 p) {
  vec2 i = floor(p), f = fract(p);
  f = f * f * (3.0 - 2.0 * f);
  return mix(mix(hash(i), hash(i + vec2(1, 0)), f.x),
             mix(hash(i + vec2(0, 1)), hash(i + vec2(1, 1)), f.x), f.y);
}
vec3 tone(vec3 light) {  // ACES-like curve (Narkowicz 2015), then sRGB
  vec3 c = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14);
  return pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2));
}
"""

SURFACE_FRAGMENT = (f'#version 330\n#define SHADOW_TEXELS {SHADOW_TEXELS}.0\n'
                    f'#define SHADOW_TEXELS_ASIDE {SHADOW_PCF_OFFSET}\n'
                    f'#define SHADOW_BIAS {SHADOW_BIAS}\n'
                    f'#define SHADOW_BIAS_M {SHADOW_BIAS * SHADOW_DEPTH_M}\n'
                    f'#define SHADOW_MIN_LIFT {MIN_SHADOW_OFFSET_M}\n'
                    f'#define DAYLIGHT_M {DAYLIGHT_M}\n' + NOISE + """
in vec3 world; in vec3 world_normal; in vec2 tile; in vec3 colour; in float metal;
flat in vec4 layer_class_rough_emission;
uniform sampler2DArray textures; uniform sampler2DShadow shadow_map; uniform mat4 shadow_view;
uniform vec3 sun, sun_light, sky_light, ground_light, fog_light, zenith, eye, forward;
uniform float fog_density, night, snow, wet, shadows, shadow_lift_m, shadow_aside_m, exposure;
uniform float first_facade, last_facade;
uniform vec3 lamps[8]; uniform int lamp_count; uniform bool cutout, in_mirror;
uniform sampler2D mirror;
uniform vec2 tunnel_span, tunnel_size; uniform vec4 tunnel_middle;
layout(location = 0) out vec4 pixel;
layout(location = 1) out vec4 geometry;

float sunlit(vec3 normal) {
  if (shadows < 0.5) return 1.0;
  float lift_m = shadow_lift_m;
  if (shadow_aside_m > 0.0) {  // as for level ground, but by the angle between surface and sun
    float c = clamp(dot(normal, sun), 0.0, 1.0);
    lift_m = max(SHADOW_MIN_LIFT, shadow_aside_m * sqrt(1.0 - c * c) - SHADOW_BIAS_M * c);
  }
  vec3 q = (shadow_view * vec4(world + normal * lift_m, 1.0)).xyz * 0.5 + 0.5;
  if (any(lessThan(q, vec3(0))) || any(greaterThan(q, vec3(1)))) return 1.0;
  float lit = 0.0;
  for (int i = 0; i < 4; i++) {
    vec2 side = 2.0 * vec2(float(i & 1), float(i >> 1)) - 1.0;
    vec2 shift = side * SHADOW_TEXELS_ASIDE / SHADOW_TEXELS;
    lit += texture(shadow_map, vec3(q.xy + shift, q.z - SHADOW_BIAS));
  }
  return lit / 4.0;
}

float daylight() {  // 1 outside, falling with the distance to the ends of a tunnel
  if (world.x < tunnel_span.x || world.x > tunnel_span.y) return 1.0;
  float s = (world.x - tunnel_span.x) / (tunnel_span.y - tunnel_span.x);
  vec4 middle = tunnel_middle;
  float y = middle.x + s * (middle.y + s * (middle.z + s * middle.w));
  if (abs(world.y - y) > tunnel_size.x + 0.5 || world.z > tunnel_size.y) return 1.0;
  return exp(-min(world.x - tunnel_span.x, tunnel_span.y - world.x) / DAYLIGHT_M);
}

void main() {
  vec4 texel = texture(textures, vec3(tile, layer_class_rough_emission.x));
  if (cutout && texel.a < 0.4) discard;
  int class_id = int(layer_class_rough_emission.y + 0.5);
  if (in_mirror && (class_id == 3 || class_id == 4)) discard;  // they are the mirror
  vec3 ray = world - eye;
  float range = length(ray);
  vec3 to_eye = -ray / range;
  vec3 n = normalize(world_normal);
  if (dot(n, to_eye) < 0.0) n = -n;
  float rough = layer_class_rough_emission.z;
  vec3 albedo = pow(texel.rgb, vec3(2.2)) * pow(colour, vec3(2.2));
  if (class_id == 3)  // road: tyre tracks and patches
    albedo *= 0.65 + 0.35 * noise(world.xy * vec2(0.08, 0.5)) + 0.25 * noise(world.xy * 0.7)
            + 0.1 * noise(world.xy * 6.0);
  if (class_id == 1)  // building: streaks, dirt near the ground
    albedo *= (0.85 + 0.3 * noise(vec2(world.x + world.y, world.z * 0.3) * 0.5))
            * mix(0.7, 1.0, smoothstep(0.0, 1.5, world.z));
  if (class_id == 5 || class_id == 4) albedo *= 0.75 + 0.5 * noise(world.xy * 0.35);
  if (snow > 0.0) {  // on what faces up; on the road it is worn away in tracks along it
    float patchy = 0.6 * noise(world.xy * 0.5) + 0.4 * noise(world.xy * 3.0);
    if (class_id == 3)
      patchy = 0.4 * patchy + 0.6 * noise(world.xy * vec2(0.02, 1.4)) - 0.28;
    float cover = smoothstep(0.95 - snow, 1.15 - snow, patchy + 0.25 * float(class_id != 3));
    if (class_id > 6 && class_id < 11) cover *= 0.25;
    albedo = mix(albedo, vec3(0.80, 0.83, 0.88), cover * smoothstep(0.3, 0.75, n.z));
  }

  float puddle = 0.0, film = 0.0;
  if (wet > 0.0 && (class_id == 3 || class_id == 4) && n.z > 0.8) {
    float hollow = 0.7 * noise(world.xy * vec2(0.22, 0.5)) + 0.3 * noise(world.xy);
    puddle = wet * smoothstep(0.5, 0.68, hollow);
    film = wet * (0.55 + 0.3 * noise(world.xy * vec2(0.06, 0.9))) * (1.0 - puddle) + puddle;
    albedo *= 1.0 - 0.5 * film;
    rough = mix(rough, 0.22, film * (1.0 - puddle));
    rough = mix(rough, 0.1, puddle);
  }
  float lit = sunlit(n);
  if (shadow_aside_m > 0.0 && !cutout) lit *= smoothstep(0.0, 0.06, dot(n, sun));
  float towards = max(dot(n, sun), 0.0);
  if (class_id == 5) towards = 0.25 + 0.75 * towards;  // light shines through leaves
  float gloss = pow(max(dot(n, normalize(sun + to_eye)), 0.0), 2.0 / (pow(rough, 4.0) + 0.002))
              * (1.0 - rough) * 1.5;
  vec3 light = sky_light * (0.5 + 0.5 * n.z) + ground_light * (0.5 - 0.5 * n.z)
             + sun_light * towards * lit;
  float day = 1.0;
  if (tunnel_span.y > tunnel_span.x) {
    day = daylight();
    lit *= day * day;
    light = light * day + (1.0 - day) * vec3(0.42, 0.38, 0.31) * (0.75 + 0.25 * n.z);
  }
  vec3 seen = albedo * light + sun_light * lit * gloss * 0.5;
  float fresnel = 0.04 + 0.6 * pow(1.0 - max(dot(n, to_eye), 0.0), 5.0);
  vec3 mirrored = mix(ground_light, fog_light, smoothstep(-0.15, 0.2, reflect(-to_eye, n).z));
  if (day < 1.0) mirrored *= 0.15 + 0.85 * day;
  seen = mix(seen, mirrored, (1.0 - rough) * clamp(fresnel + metal * 0.3, 0.0, 1.0));

  if (film > 0.0) {  // what stands on the road, smeared by the rough asphalt
    vec2 place = gl_FragCoord.xy / (2.0 * vec2(textureSize(mirror, 0)));
    vec3 shown = vec3(0.0);
    float smear = mix(0.035, 0.004, puddle);
    for (int i = -3; i < 4; i++)
      shown += texture(mirror, place + vec2((noise(world.xy * 9.0) - 0.5) * smear * 0.4,
                                            float(i) * smear * 0.5)).rgb / 7.0;
    float grazing = pow(1.0 - max(to_eye.z, 0.0), 5.0);
    seen = mix(seen, shown, film * mix(0.5, 1.0, puddle) * (0.02 + 0.9 * grazing));
  }
  if (night > 0.0) {
    vec3 beam = normalize(forward - vec3(0, 0, 0.06));
    float headlight = pow(max(dot(ray / range, beam), 0.0), 14.0) / (1.0 + range * range * 0.012);
    seen += albedo * night * 1.6 * headlight * max(dot(n, to_eye), 0.15);
    for (int i = 0; i < lamp_count; i++) {
      vec3 l = lamps[i] - world;
      float q = dot(l, l);
      seen += albedo * vec3(1.0, 0.75, 0.45) * night * 14.0 * max(dot(n, l * inversesqrt(q)), 0.0)
            * max(l.z * inversesqrt(q), 0.0) / (6.0 + q);
    }
    float layer = layer_class_rough_emission.x;
    if (layer > first_facade - 0.5 && layer < last_facade + 0.5) {
      vec2 w = fract(tile * 4.0);
      float window = step(0.25, w.x) * step(w.x, 0.75) * step(0.25, w.y) * step(w.y, 0.75);
      seen += night * window * step(0.72, hash(floor(tile * 4.0) + floor(layer)))
            * vec3(0.45, 0.30, 0.12);
    }
  }
  float opacity = 1.0;
  if (layer_class_rough_emission.w < 0.0) {  // a window mirrors the sky above a skyline
    vec3 r = reflect(-to_eye, n);
    float skyline = 0.08 + 0.35 * noise(vec2(atan(r.y, r.x) * 6.0, 3.0));
    vec3 above = mix(fog_light, zenith, smoothstep(0.0, 0.7, r.z))
               * (0.8 + 0.4 * noise(r.xy / (abs(r.z) + 0.2) * 2.0));
    vec3 shown = mix(mix(ground_light, sky_light * 0.3, step(-0.02, r.z)), above,
                     smoothstep(skyline, skyline + 0.06, r.z));
    float share = 0.06 + 0.9 * pow(1.0 - max(dot(n, to_eye), 0.0), 4.0);
    opacity = clamp(share - layer_class_rough_emission.w, 0.0, 1.0);
    seen = mix(albedo * light, (day + 0.1) * shown, clamp(share / opacity, 0.0, 1.0))
         + sun_light * lit * gloss * 0.5;
  } else {
    seen += albedo * layer_class_rough_emission.w * (1.2 + 2.0 * night);
  }
  seen = mix(seen, day < 1.0 ? fog_light * day : fog_light, 1.0 - exp(-fog_density * range));
  pixel = vec4(in_mirror ? seen : tone(seen * exposure), opacity);
  geometry = vec4(dot(ray, forward), float(class_id), 0.0, 1.0);
}""")

# Depth only: the shadow map.
DEPTH_VERTEX = """#version 330
in vec3 position;
uniform mat4 view_projection; uniform mat4 pose;
void main() {
  vec4 placed = pose * vec4(position, 1.0);
  gl_Position = view_projection * placed;
}"""
DEPTH_FRAGMENT = '#version 330\nvoid main() {}'

LEAF_VERTEX = """#version 330
in vec3 position; in vec2 uv; in vec4 surface;
uniform mat4 view_projection;
out vec3 tile;
void main() {
  tile = vec3(uv, surface.x);
  gl_Position = view_projection * vec4(position, 1.0);
}"""
LEAF_FRAGMENT = """#version 330
in vec3 tile;
uniform sampler2DArray textures;
void main() { if (texture(textures, tile).a < 0.4) discard; }"""

SKY_VERTEX = """#version 330
in vec2 corner;
out vec2 screen;
void main() { screen = corner; gl_Position = vec4(corner, 0.99999, 1.0); }"""

SKY_FRAGMENT = '#version 330\n' + NOISE + """
in vec2 screen;
uniform vec3 forward, right_edge, top_edge, sun, sun_light, zenith, fog_light;
uniform float clouds, cloud_shift, fog_density, exposure; uniform bool in_mirror;
layout(location = 0) out vec4 pixel;
layout(location = 1) out vec2 geometry;
float billows(vec2 p) {
  float amplitude = 0.5, total = 0.0;
  for (int i = 0; i < 5; i++) {
    total += amplitude * noise(p);
    p = p * 2.03 + 17.0;
    amplitude *= 0.5;
  }
  return total;
}
void main() {
  vec3 d = normalize(forward + right_edge * screen.x + top_edge * screen.y);
  float up = max(d.z, 0.0), at_sun = max(dot(d, sun), 0.0);
  vec3 light = mix(fog_light, zenith, 1.0 - exp(-up * 4.0));
  light += sun_light * (pow(at_sun, 800.0) * 8.0 + pow(at_sun, 12.0) * 0.12);
  if (clouds > 0.0) {
    vec2 p = d.xy / (up + 0.12) * 1.3 + cloud_shift;
    float cover = smoothstep(1.0 - clouds, 1.35 - clouds, billows(p) + 0.1);
    vec3 shade = mix(fog_light * 1.05 + sun_light * 0.12, fog_light * 0.75,
                     billows(p * 1.7 + 3.0));
    light = mix(light, shade, cover * smoothstep(0.0, 0.1, up));
  }
  // The fog layer is 60 m thick straight up.
  light = mix(fog_light, light, exp(-fog_density * 60.0 / (up + 0.03)));
  pixel = vec4(in_mirror ? light : tone(light * exposure), 1.0);
  geometry = vec2(1.0e9, 0.0);
}"""
