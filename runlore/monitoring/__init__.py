"""Has the world moved since a version was trained?"""
