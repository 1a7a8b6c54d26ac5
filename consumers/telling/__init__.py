"""Telling people outside their inbox: messages by webhook, robots and e-mail, sent again until they arrive or cannot."""
