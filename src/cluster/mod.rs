//! Reading a Kubernetes API: what leaves is a plain read, what comes back is decoded as it comes.

pub mod ask;
pub mod cluster_name;
pub mod environment;
pub mod failure;
pub mod guard;
pub mod list;
pub mod named;
pub mod namespaces;
pub mod proxy;
pub mod pulse;
pub mod secret;
pub mod store;
pub mod what;
pub mod wire;
