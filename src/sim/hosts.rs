//! The simulated machines: each answers the probe with a document in the probe's own form.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::SimError;
use super::build::{self, Addresses};
use super::clock::{self, Clock};
use super::scenario::Script;

/// Why a machine's probe gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no such machine.
    #[error("there is no machine {0}")]
    Unknown(String),
    /// It does not answer.
    #[error("{node} does not answer: {reason}")]
    Silent {
        /// The machine.
        node: String,
        /// Why.
        reason: String,
    },
}

/// All machines.
#[derive(Debug)]
pub struct Hosts {
    documents: BTreeMap<String, Result<Value, HostError>>,
    clock: Clock,
}

impl Hosts {
    pub(super) fn new(script: &Script, addresses: &Addresses, clock: Clock) -> Result<Self, SimError> {
        let mut documents = BTreeMap::new();
        for (name, node) in &script.nodes {
            let document = match &node.silent {
                Some(reason) => Err(HostError::Silent { node: name.clone(), reason: reason.clone() }),
                None => Ok(build::facts(script, addresses, name)?),
            };
            documents.insert(name.clone(), document);
        }
        Ok(Self { documents, clock })
    }

    /// The names of the machines, which are those of their Nodes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().map(String::as_str)
    }

    /// What the probe prints on a machine, now. `nonce` comes back in the document.
    ///
    /// # Errors
    /// When there is no such machine, or it does not answer.
    pub fn probe(&self, node: &str, nonce: Option<&str>) -> Result<String, HostError> {
        let document = self.documents.get(node).ok_or_else(|| HostError::Unknown(node.to_owned()))?;
        let mut document = document.clone()?;
        if let Some(document) = document.as_object_mut() {
            document.insert("collectedAt".to_owned(), clock::seconds(self.clock.now()).into());
            if let Some(nonce) = nonce {
                document.insert("nonce".to_owned(), json!(nonce));
            }
        }
        Ok(document.to_string())
    }
}
