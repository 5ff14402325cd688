//! What a session is asked to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::Kind;
use crate::checks::target::Asked;
use crate::evidence::Scope;
use crate::hosts::Probes;
use crate::text::Text;

/// Where the probe's outputs are.
#[derive(Debug, Clone, Default)]
pub enum FactsFrom {
    /// Nobody gave any.
    #[default]
    Nowhere,
    /// In a folder of this machine.
    Folder(PathBuf),
    /// Here.
    Documents(Arc<[Document]>),
    /// Machines that are asked for them.
    Machines(Arc<dyn Probes>),
}

/// What a machine of that name printed, or why it printed nothing.
pub type Document = (String, Result<String, String>);

/// What a session is asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// What kind of session it is.
    pub kind: Kind,
    /// The target, if one was asked for.
    pub target: Option<Asked>,
    /// What to cover.
    pub scope: Scope,
    /// Where the probe's outputs are.
    pub node_facts: FactsFrom,
    /// What the probe of a node is to return, for nodes that a step is under way on.
    pub nonces: BTreeMap<Text, Text>,
    /// A folder of etcd snapshots on this machine.
    pub backups: Option<PathBuf>,
}
