"""What a hostile or careless program may send: values, requests made of them, and the laws every answer obeys."""
