"""The studio: a chat that understands which picture is meant, over any model that makes pictures."""
