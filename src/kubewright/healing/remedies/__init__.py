"""Plans that several causes share."""
