"""What networks run on: device, precision, OpenVINO, the cache of exported graphs, memory."""
