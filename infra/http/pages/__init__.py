"""Pages for people: what each problem means, and the reference of the API. Without scripts from elsewhere, without the internet."""
