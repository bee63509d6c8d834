"""What an actor usually does, when, where and in which order."""
