//! Reading a Kubernetes API: what leaves is a plain read, what comes back is decoded as it comes.

pub mod ask;
pub mod failure;
pub mod pulse;
pub mod store;
pub mod wire;
