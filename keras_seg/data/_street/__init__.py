"""The program that draws the procedural street scenes."""
