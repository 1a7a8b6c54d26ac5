"""Records: anything with fields, a stage path, touches, evidence and relations."""
