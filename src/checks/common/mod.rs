//! What several checks need: who owns a pod, where it may run, what an image's version is, and how a
//! command is quoted. Pure functions, as the checks are.

pub mod addons;
pub mod config_map;
pub mod facts;
pub mod image;
pub mod known;
pub mod kubeadm;
pub mod kubelet_config;
pub mod kubelet_difference;
pub mod link;
pub mod list;
pub mod owner;
pub mod placement;
pub mod scope;
pub mod servers;
pub mod shell;
pub mod static_pods;
