# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from dataclasses import replace

from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.world import scene
from bdl_perception.world.camera import CameraPose, Pinhole
from bdl_perception.world.conditions import LIGHTS
from bdl_perception.world.mesh import concatenate_meshes, Material, MeshBuilder, transform_mesh
from bdl_perception.world.renderer import Renderer, resolve_samples
from bdl_perception.world.scene import Body, pose_matrix, Scene, Sky
from bdl_perception.world.shapes import box, quad
from bdl_perception.world.textures import TEXTURE_LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
import moderngl
import numpy as np
import pytest

CAR, ROAD, SKY_CLASS = (CLASS_NAMES.index(name) for name in ('car', 'road', 'sky'))
WHITE = np.full((len(TEXTURE_LAYERS), 8, 8, 4), 255, np.uint8)
SKY = Sky(np.array([0., .6, .8]), 0.)
HEIGHT_M = 1.5
BOX_AHEAD = (Body(0, (21., 2.5, 0.), 0.),)


def plain_scene(class_name='car', height_m=3):
    """Build a flat road and a box whose front stands 20 m ahead, 2 to 3 m to the left."""
    still, moving = MeshBuilder(), MeshBuilder()
    still.add(quad([(-20, -300, 0), (300, -300, 0), (300, 300, 0), (-20, 300, 0)]), 'road',
              Material((.4, .4, .4)))
    moving.add(box(2, 1, height_m), class_name, Material())
    static, cutout, body = map(concatenate_meshes, (still.opaque, still.cutout, moving.opaque))
    return Scene(static, cutout, (body,), WHITE, np.zeros((0, 3)))


def draw(renderer, scene, view, light='overcast', bodies=BOX_AHEAD, sky=SKY):
    pinhole = Pinhole.from_fov(renderer.width, renderer.height, 1.1)
    renderer.load_scene(scene)
    lit = light if not isinstance(light, str) else LIGHTS[light]
    return renderer.render(view, pinhole, lit, sky, bodies), pinhole


def viewed(pinhole, view, point):
    """Project by the pinhole formula: column, row and depth of a point."""
    away = np.asarray(point, float) - view.eye
    depth = away @ view.forward
    return (pinhole.cx + pinhole.fx * (away @ view.right) / depth,
            pinhole.cy - pinhole.fy * (away @ view.up) / depth, depth)


@pytest.mark.parametrize('pitch_rad', [-.05, 0., .08, .4])
def test_the_depth_of_the_ground_follows_from_height_and_pitch(renderer, pitch_rad):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, pitch_rad)
    rendering, pinhole = draw(renderer, plain_scene(), view, bodies=())
    slope = (np.arange(renderer.height) - pinhole.cy) / pinhole.fy
    fall = np.cos(pitch_rad) * slope + np.sin(pitch_rad)  # per metre of depth
    below = fall > HEIGHT_M / 45  # farther out one pixel spans more than 15 % of the depth
    assert below.sum() > 10
    for column in (3, renderer.width // 2, renderer.width - 4):
        np.testing.assert_allclose(rendering.depth[below, column], HEIGHT_M / fall[below],
                                   rtol=1e-4)
        assert (rendering.classes[below, column] == ROAD).all()


def test_the_depth_of_a_rolled_view_lies_on_the_ground_plane(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), .1, .2, .3)
    rendering, pinhole = draw(renderer, plain_scene(), view, bodies=())
    rows, columns = np.nonzero(rendering.depth < 25)
    depth = rendering.depth[rows, columns][:, None]
    points = view.eye + depth * (view.forward
                                 + (columns[:, None] - pinhole.cx) / pinhole.fx * view.right
                                 - (rows[:, None] - pinhole.cy) / pinhole.fy * view.up)
    assert len(points) > 1000
    np.testing.assert_allclose(points[:, 2], 0, atol=2e-3)


def test_a_box_agrees_with_the_pinhole_formula(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, .05)
    rendering, pinhole = draw(renderer, plain_scene(), view)
    corners = [viewed(pinhole, view, (20, y, z)) for y in (2, 3) for z in (0, 3)]
    left, right = corners[2][0], corners[0][0]
    rows, columns = np.nonzero(rendering.classes == CAR)
    assert columns.min() == pytest.approx(left, abs=1.1)
    assert rows.min() == pytest.approx(min(row for _, row, _ in corners), abs=1.1)
    assert rows.max() == pytest.approx(max(row for _, row, _ in corners), abs=1.1)
    front = rendering.depth[rows, columns][columns < right - 1]
    _, _, low = viewed(pinhole, view, (20, 2.5, 3))
    _, _, high = viewed(pinhole, view, (20, 2.5, 0))
    assert low - .02 < front.min() and front.max() < high + .02


def test_a_body_moves_and_turns(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    ahead = Body(0, (10., 0., 0.), 0.)
    turned = Body(0, (10., 0., 0.), np.pi / 2)
    scene = plain_scene()
    for body, expected_m in ((ahead, 9.), (turned, 9.5)):
        rendering, _ = draw(renderer, scene, view, bodies=(body,))
        middle = rendering.depth[renderer.height // 2, renderer.width // 2]
        assert middle == pytest.approx(expected_m, rel=1e-4)


def test_the_pose_of_a_body_agrees_with_a_transformed_mesh():
    builder = MeshBuilder()
    builder.add(box(3, 1, 2).translated(1, 2, 0), 'car', Material())
    still = transform_mesh(concatenate_meshes(builder.opaque), (4., -5., 6.), .7)
    corners = concatenate_meshes(builder.opaque)[..., :3].reshape(-1, 3)
    placed = np.c_[corners, np.ones(len(corners))] @ pose_matrix(Body(0, (4., -5., 6.), .7)).T
    np.testing.assert_allclose(placed[:, :3], still[..., :3].reshape(-1, 3), rtol=1e-5)
    turned_left = pose_matrix(Body(0, (0., 0., 0.), np.pi / 2)) @ (1, 0, 0, 1)
    np.testing.assert_allclose(turned_left, (0, 1, 0, 1), atol=1e-12)


def test_the_sky_is_infinitely_far(renderer):
    rendering, _ = draw(renderer, plain_scene(), CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0))
    sky = rendering.classes == SKY_CLASS
    assert sky.mean() > .3
    assert np.isposinf(rendering.depth[sky]).all()
    assert np.isfinite(rendering.depth[~sky]).all()


def test_an_object_without_class_is_ignored_but_has_depth(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    rendering, _ = draw(renderer, plain_scene('unknown'), view,
                        bodies=(Body(0, (10., 0., 0.), 0.),))
    unknown = rendering.classes == IGNORE
    assert unknown.sum() > 100
    np.testing.assert_allclose(np.median(rendering.depth[unknown]), 9, rtol=1e-3)


def test_fog_reduces_contrast_by_koschmieders_law(renderer):
    """Without sunshine, light = surface * t + fog * (1 - t), t = exp(-3 d / visibility)."""
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    fog = replace(LIGHTS['dense_fog'], fog_light=(.2,) * 3, sky_light=(0.,) * 3,
                  ground_light=(0.,) * 3, sun_light=(0.,) * 3, visibility_m=25.)
    values = []
    for distance_m in (5., 25., 250.):
        rendering, _ = draw(renderer, plain_scene(), view, fog,
                            (Body(0, (distance_m + 1, 0., 0.), 0.),))
        shade = rendering.rgb[renderer.height // 2, renderer.width // 2].mean() / 255
        values.append(untoned(shade))
    glow = values[2]  # all fog
    assert 1 - values[1] / glow == pytest.approx(.05, abs=.02)
    assert 1 - values[0] / glow == pytest.approx(.05 ** .2, abs=.03)


def untoned(value):
    """Invert the tone curve by interpolation."""
    light = np.linspace(0, 2, 20001)
    curve = light * (2.51 * light + .03) / (light * (2.43 * light + .59) + .14)
    return np.interp(value ** 2.2, curve, light)


def test_a_shadow_lies_where_the_sun_does_not_reach(renderer):
    view = CameraPose.from_angles((0, 0, 6.), 0, .5)
    sun = replace(LIGHTS['sun'], cloud_cover=0.)
    box_ahead = (Body(0, (12., 0., 0.), 0.),)
    lit, pinhole = draw(renderer, plain_scene(), view, sun, ())
    shaded, _ = draw(renderer, plain_scene(), view, sun, box_ahead)
    # The sun stands at (0, .6, .8): the top edge, 3 m up, casts its shadow 2.25 m to the right.
    for y, dark in ((-1.5, True), (-4., False), (1.5, False)):
        column, row, _ = (round(v) for v in viewed(pinhole, view, (12., y, 0.)))
        ratio = shaded.rgb[row, column].mean() / lit.rgb[row, column].mean()
        assert (ratio < .8) == dark, (y, ratio)


@pytest.mark.parametrize('elevation_rad', [.1, .15, .22, .35])  # dusk is .1 to .22, see LIGHTS
@pytest.mark.parametrize('azimuth_rad', [0., .8, 2.5])
def test_level_ground_does_not_shade_itself_under_a_low_sun(renderer, azimuth_rad, elevation_rad):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    flat = np.cos(elevation_rad)
    sky = Sky(np.array([np.cos(azimuth_rad) * flat, np.sin(azimuth_rad) * flat,
                        np.sin(elevation_rad)]), 0.)
    dusk = replace(LIGHTS['dusk'], cloud_cover=0.)
    shadowed, _ = draw(renderer, plain_scene(), view, dusk, (), sky)
    open_air, _ = draw(renderer, plain_scene(), view, replace(dusk, casts_shadows=0.), (), sky)
    np.testing.assert_array_equal(shadowed.rgb, open_air.rgb)


@pytest.mark.parametrize('elevation_rad', [.1, .15, .22])
def test_a_low_sun_casts_the_shadow_of_a_half_metre_box(renderer, elevation_rad):
    """The offset against self-shadowing shortens every shadow, but not more than this."""
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, -.1)
    sky = Sky(np.array([np.cos(elevation_rad), 0., np.sin(elevation_rad)]), 0.)  # dead ahead
    dusk = replace(LIGHTS['dusk'], cloud_cover=0.)
    low = plain_scene(height_m=.5)
    ahead = (Body(0, (9., 0., 0.), 0.),)  # 8 to 10 m
    shaded, pinhole = draw(renderer, low, view, dusk, ahead, sky)
    lit, _ = draw(renderer, low, view, dusk, (), sky)
    column, row, _ = (round(v) for v in viewed(pinhole, view, (7., 0., 0.)))
    assert shaded.rgb[row, column].mean() / lit.rgb[row, column].mean() < .8


def slope(rise):
    """Build ground that rises by `rise` per metre to the left, from the camera's own height."""
    ground = MeshBuilder()
    ground.add(quad([(-20, -50, -50 * rise), (300, -50, -50 * rise), (300, 50, 50 * rise),
                     (-20, 50, 50 * rise)]), 'road', Material((.4, .4, .4)))
    return Scene(concatenate_meshes(ground.opaque), concatenate_meshes([]),
                 (concatenate_meshes([]),), WHITE, np.zeros((0, 3)))


@pytest.mark.parametrize('rise', [-.3, -.15, .3])
def test_sloping_ground_does_not_shade_itself_in_the_newer_world(renderer, rise):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, .1)
    sun = np.array([.2, .55, .3]) / np.linalg.norm([.2, .55, .3])
    assert np.array([0, -rise, 1]) @ sun > .1  # the slope is in the sun
    dusk, striped = replace(LIGHTS['dusk'], cloud_cover=0.), {}
    for fitted in (False, True):
        sky = Sky(sun, 0., fitted)
        shadowed, _ = draw(renderer, slope(rise), view, dusk, (), sky)
        lit, _ = draw(renderer, slope(rise), view, replace(dusk, casts_shadows=0.), (), sky)
        striped[fitted] = (shadowed.rgb != lit.rgb).mean()
    assert striped[True] < 1e-3
    assert striped[False] > .2 or rise < 0  # in the older world what faces away from the sun is


def test_a_wet_road_mirrors_what_stands_on_it_and_keeps_its_depth_and_class(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, .03)
    red = plain_scene(height_m=2)
    red.body_meshes[0][..., 8:11] = .9, .02, .02
    ahead = (Body(0, (12., 0., 0.), 0.),)  # from 11 m, 1 m wide
    dry, pinhole = draw(renderer, red, view, bodies=ahead)
    wet, _ = draw(renderer, red, view, replace(LIGHTS['overcast'], wet=1.), ahead)
    np.testing.assert_array_equal(dry.depth, wet.depth)
    np.testing.assert_array_equal(dry.classes, wet.classes)
    column, row, _ = (round(v) for v in viewed(pinhole, view, (11., 0., -.3)))  # in the mirror
    beside = column + 40
    assert wet.classes[row, column] == ROAD
    for image, mirrors in ((dry, False), (wet, True)):
        rows = slice(row - 2, row + 3)
        here, there = (image.rgb[rows, x, 0].mean() - image.rgb[rows, x, 1].mean()
                       for x in (column, beside))
        assert (here - there > 4) == mirrors


def test_a_window_shows_what_is_behind_it_but_has_the_depth_and_class_of_the_glass(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    green = Material((.05, .9, .05))
    shown = {}
    for name, glass in (('dark', Material((.05, .06, .07))),
                        ('clear', Material((.05, .06, .07), opacity=.3)), ('open', None)):
        parts = MeshBuilder()
        parts.add(box(.1, 6, 3).translated(4, 0, 0), 'building', green)
        if glass:
            parts.add(box(.1, 2, 3), 'car', glass)
        body = concatenate_meshes(parts.opaque)
        made = Scene(concatenate_meshes([]), concatenate_meshes([]), (body,), WHITE,
                     np.zeros((0, 3)))
        shown[name], _ = draw(renderer, made, view, bodies=(Body(0, (8., 0., 0.), 0.),))
    middle = renderer.height // 2, renderer.width // 2
    rgb = {name: one.rgb[middle] for name, one in shown.items()}
    greenness = {name: float(one[1] - one[0]) for name, one in rgb.items()}
    assert greenness['dark'] < 10 < .4 * greenness['open'] < greenness['clear']
    assert greenness['clear'] < greenness['open']
    for name in ('dark', 'clear'):
        assert shown[name].classes[middle] == CAR
        assert shown[name].depth[middle] == pytest.approx(7.95, rel=1e-4)
    assert shown['open'].depth[middle] == pytest.approx(11.95, rel=1e-4)


def test_a_pinhole_of_another_size_is_rejected(renderer):
    view = CameraPose.from_angles((0, 0, 1), 0, 0)
    renderer.load_scene(plain_scene())
    with pytest.raises(ValueError, match='64x48'):
        renderer.render(view, Pinhole.from_fov(64, 48, 1.), LIGHTS['sun'], SKY, ())


def test_two_renderers_do_not_draw_into_each_other(renderer):
    view = CameraPose.from_angles((0, 0, HEIGHT_M), 0, 0)
    alone, pinhole = draw(renderer, plain_scene(), view)
    other = Renderer(64, 48)
    other.load_scene(plain_scene())
    again = renderer.render(view, pinhole, LIGHTS['overcast'], SKY, BOX_AHEAD)
    np.testing.assert_array_equal(again.rgb, alone.rgb)
    np.testing.assert_array_equal(again.depth, alone.depth)


def test_without_egl_the_error_names_the_packages(monkeypatch):
    def fail(**options):
        raise OSError('libEGL.so.1: cannot open shared object file')

    monkeypatch.setattr(moderngl, 'create_context', fail)
    with pytest.raises(scene.NoGraphicsError, match='apt install libegl1') as caught:
        scene.open_context()
    assert isinstance(caught.value.__cause__, OSError)


def expected_pixel(samples):
    """Compute one pixel by a loop over its samples."""
    counts = Counter(class_id for _, class_id in samples)
    most = max(counts.values())
    chosen = next(class_id for _, class_id in samples if counts[class_id] == most)
    depths = [depth for depth, class_id in samples if class_id == chosen]
    ground = chosen in (CLASS_NAMES.index('road'), CLASS_NAMES.index('pavement'))
    if ground or (len(counts) == 1 and max(depths) < 1.15 * min(depths)):
        depth = len(depths) / sum(1 / depth for depth in depths)
    else:
        depth = min(depths)
    return (np.inf if depth > 1e8 else depth), chosen


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([2., 2.2, 2.4, 40., 1e9]),
                          st.sampled_from([0, 3, 8, 255])), min_size=4, max_size=4))
def test_a_pixel_agrees_with_a_loop_over_its_samples(samples):
    tile = np.array(samples, np.float32).reshape(2, 2, 2)
    depth, classes = resolve_samples(np.tile(tile, (2, 3, 1)), 2)
    expected_depth, expected_class = expected_pixel(
        [(float(d), int(c)) for d, c in tile.reshape(4, 2)])
    assert classes.shape == (2, 3)
    np.testing.assert_allclose(depth, expected_depth, rtol=1e-6)
    assert (classes == expected_class).all()


def test_the_depth_of_a_plane_is_that_at_the_pixel_centre():
    column = (np.arange(40) + .5) / 2 - .5  # samples stand at quarters of a pixel
    samples = np.zeros((40, 40, 2), np.float32)
    samples[..., 0] = 1 / (.02 + .01 * column)[None]
    samples[..., 1] = 3
    depth, _ = resolve_samples(samples[:, 8:], 2)
    np.testing.assert_allclose(depth[0], 1 / (.02 + .01 * np.arange(4, 20)), rtol=1e-5)


@pytest.mark.parametrize('name', ['road', 'pavement'])
def test_the_depth_of_far_ground_is_that_at_the_pixel_centre(name):
    """The camera is 1.5 m above a plane; rows are counted from the horizon, focal length 80."""
    below = (np.arange(192) + .5) / 2  # of the samples
    samples = np.zeros((192, 8, 2), np.float32)
    samples[..., 0] = (1.5 * 80 / below)[:, None]
    samples[..., 1] = CLASS_NAMES.index(name)
    depth, _ = resolve_samples(samples, 2)
    np.testing.assert_allclose(depth, np.tile(1.5 * 80 / (np.arange(96) + .5)[:, None], 4),
                               rtol=1e-5)
    assert depth.max() > 200


def test_edge_depth_is_that_of_one_of_the_two_surfaces():
    samples = np.array([[(5, 8), (5, 8)], [(50, 1), (50, 1)]], np.float32)
    depth, classes = resolve_samples(samples, 2)
    assert (depth[0, 0], classes[0, 0]) in {(5., 8), (50., 1)}
    assert depth[0, 0] == pytest.approx(5)
