"""Qt panel parts that the scripted modules share."""
