//! Reading a Kubernetes API: what leaves is a plain read, what comes back is decoded as it comes.

mod addresses;
pub mod ask;
pub mod changes;
pub mod client;
pub mod cluster_name;
pub mod credentials;
pub mod discover;
pub mod encoding;
pub mod environment;
pub mod failure;
pub mod guard;
mod incluster;
pub mod kubeconfig;
pub mod list;
pub mod named;
pub mod namespaces;
pub mod proxy;
pub mod pulse;
pub mod reader;
pub mod secret;
pub mod servers;
pub mod store;
mod transport;
pub mod what;
pub mod wire;
#[cfg(test)]
mod witness;
