"""The `membership` protocol: does an inverter remember whom it was trained on?"""
