"""Work that outlives a request: made durable, gone on with after a crash, and watched by whoever asks."""
