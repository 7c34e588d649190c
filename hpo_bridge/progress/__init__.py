"""The progress of a study that is being driven, and the places that show it."""
