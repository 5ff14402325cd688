//! What can be observed: plain data, versioned, serialisable.
