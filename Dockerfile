# ROS 2 Jazzy with this package, as the user `ubuntu`. Never built by its authors: their machines
# have no Docker engine.
#
#   docker build -t bdl_perception .
#   docker run --rm --network=host --ipc=host bdl_perception \
#       ros2 launch bdl_perception perception.launch.py image_topic:=/camera/image_raw
#
# --ipc=host: images go through shared memory, also from nodes outside the container.
FROM ros:jazzy
WORKDIR /ws
COPY package.xml src/bdl_perception/
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-pip \
    && rosdep update --rosdistro jazzy \
    && PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1 rosdep install --from-paths src -y \
        --ignore-src --dependency-types=exec --rosdistro jazzy \
    && rm -rf /var/lib/apt/lists/* /root/.ros
COPY . src/bdl_perception
RUN . /opt/ros/jazzy/setup.sh && colcon build && rm -rf build log src \
    && printf '#!/bin/bash\nsource /ws/install/setup.bash\nexec "$@"\n' > /entrypoint.sh \
    && chmod 755 /entrypoint.sh
USER ubuntu
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "bdl_perception", "perception.launch.py"]
