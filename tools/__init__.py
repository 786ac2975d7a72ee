"""What the project needs to be made and tested, and no reader imports."""
