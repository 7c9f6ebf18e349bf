"""Files on local disks and TensorFlow's file systems, written whole or not at all."""
