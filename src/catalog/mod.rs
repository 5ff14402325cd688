//! What is true about Kubernetes versions: data with a source a row, and look-ups on it.
