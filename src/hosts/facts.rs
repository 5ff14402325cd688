//! Documents of the probe from a folder, and which Node each belongs to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::probe::{self, DocumentError, SIZE_LIMIT};
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::objects::Node;
use crate::evidence::{Reading, Reason, Stamp, Unread};
use crate::text::Text;

/// No more files of a folder are read than this; Kubernetes supports 5,000 nodes.
pub const FILE_LIMIT: usize = 10_000;

/// Why a file gave no facts.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The folder itself.
    #[error("cannot list {}: {source}", .path.display())]
    Folder {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// A link to somewhere outside of the folder, or to nothing.
    #[error("a link that leads out of the folder: not followed")]
    LeadsOut,
    /// A pipe, socket or device.
    #[error("not a plain file")]
    NotAFile,
    /// It holds something else.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The folder has more than [`FILE_LIMIT`] files.
    #[error("the folder has more than {FILE_LIMIT} files: this one and those after it were not read")]
    TooMany,
}

/// One file, read.
#[derive(Debug)]
pub struct Loaded {
    /// Its name within the folder.
    pub file: Text,
    /// What is in it.
    pub facts: Result<NodeFacts, FactsError>,
}

/// Reads every file of a folder but those that begin with a dot, whatever they are called; folders in it are left
/// alone. Links are followed within the folder only (a mounted ConfigMap is made of such).
pub fn load_dir(folder: &Path) -> Result<Vec<Loaded>, FactsError> {
    let denied = |source| FactsError::Folder { path: folder.to_path_buf(), source };
    let root = folder.canonicalize().map_err(denied)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&root).map_err(denied)? {
        let name = entry.map_err(denied)?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && !root.join(&name).is_dir() {
            names.push(name);
        }
        if names.len() > FILE_LIMIT {
            break;
        }
    }
    names.sort();
    let load = |(index, name): (usize, &std::ffi::OsString)| Loaded {
        file: Text::new(&name.to_string_lossy()),
        facts: if index < FILE_LIMIT { load(&root, &root.join(name)) } else { Err(FactsError::TooMany) },
    };
    Ok(names.iter().enumerate().map(load).collect())
}

fn load(root: &Path, path: &Path) -> Result<NodeFacts, FactsError> {
    let real = path.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FactsError::LeadsOut,
        _ => FactsError::Io(error),
    })?;
    if !real.starts_with(root) {
        return Err(FactsError::LeadsOut);
    }
    // Opening a pipe would wait for somebody to write.
    if !real.metadata()?.is_file() {
        return Err(FactsError::NotAFile);
    }
    let mut json = Vec::new();
    File::open(&real)?.take(SIZE_LIMIT + 1).read_to_end(&mut json)?;
    Ok(probe::parse(&json)?)
}

/// What tells a Node from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Its name.
    pub name: Text,
    /// `status.nodeInfo.bootID`
    pub boot_id: Text,
    /// `status.nodeInfo.machineID`
    pub machine_id: Text,
}

impl From<&Node> for NodeIdentity {
    fn from(node: &Node) -> Self {
        let info = &node.status.node_info;
        Self {
            name: node.metadata.name.clone(),
            boot_id: info.boot_id.clone(),
            machine_id: info.machine_id.clone(),
        }
    }
}

/// Facts given to Nodes.
#[derive(Debug, Default)]
pub struct Assigned {
    /// Every Node with its facts, or why it has none.
    pub nodes: BTreeMap<Text, Reading<Arc<NodeFacts>>>,
    /// Files that belong to no Node, and why.
    pub strays: Vec<Unread>,
    /// Files that were put aside for newer ones of the same Node.
    pub superseded: Vec<Superseded>,
}

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// The Node that it belongs to.
    pub node: Text,
    /// The file.
    pub file: Text,
    /// The newer file that was taken instead.
    pub by: Text,
}

/// Gives each document to the Node with its boot id. A reboot makes facts stale, and so does another boot id make a
/// file a stray; nothing is matched by name. Of two documents for one Node the one collected later is taken.
pub fn assign(nodes: &[NodeIdentity], loaded: Vec<Loaded>) -> Assigned {
    let mut assigned = Assigned::default();
    let mut chosen: BTreeMap<&str, (Text, NodeFacts)> = BTreeMap::new();
    // Why a node has none, where a file nearly fits.
    let mut hints: BTreeMap<&str, String> = BTreeMap::new();
    for Loaded { file, facts } in loaded {
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => {
                assigned.strays.push(stray(&file, &error));
                continue;
            }
        };
        match owner(nodes, &facts) {
            Ok(node) => {
                let (taken, put_aside) = match chosen.remove(node.name.as_str()) {
                    Some(other) if is_newer(&other.1, &facts) => (other, Some(file)),
                    Some(other) => ((file, facts), Some(other.0)),
                    None => ((file, facts), None),
                };
                if let Some(file) = put_aside {
                    let (node, by) = (node.name.clone(), taken.0.clone());
                    assigned.superseded.push(Superseded { node, file, by });
                }
                chosen.insert(&node.name, taken);
            }
            Err(Misfit { node, why }) => {
                if let Some(node) = node {
                    hints.insert(&node.name, format!("{file}: {why}"));
                }
                assigned.strays.push(Unread::new("probe", "node facts", Reason::Absent, &why).of(&file));
            }
        }
    }
    for node in nodes {
        let reading = match chosen.remove(node.name.as_str()) {
            Some((file, facts)) => read(&file, facts),
            None => {
                let why = hints.get(node.name.as_str()).map_or("no file has its boot id", String::as_str);
                let unread = Unread::new("probe", "node facts", Reason::NotProvided, why);
                Reading::Unread(unread.of(&node.name))
            }
        };
        assigned.nodes.insert(node.name.clone(), reading);
    }
    assigned
}

fn read(file: &Text, facts: NodeFacts) -> Reading<Arc<NodeFacts>> {
    // Without a time of its own a document is as old as it can be, not as new.
    let at = facts.collected_at.unwrap_or(Timestamp::UNIX_EPOCH);
    Reading::Read { stamp: Stamp { at, how: Text::new(&format!("probe {file}")) }, value: Arc::new(facts) }
}

fn is_newer(one: &NodeFacts, other: &NodeFacts) -> bool {
    one.collected_at > other.collected_at
}

fn stray(file: &Text, error: &FactsError) -> Unread {
    let reason = match error {
        FactsError::Document(_) => Reason::Malformed,
        _ => Reason::NotProvided,
    };
    Unread::new("probe", "node facts", reason, &error.to_string()).of(file)
}

/// Why a document belongs to no Node, and the Node that it nearly fits.
struct Misfit<'a> {
    node: Option<&'a NodeIdentity>,
    why: String,
}

fn owner<'a>(nodes: &'a [NodeIdentity], facts: &NodeFacts) -> Result<&'a NodeIdentity, Misfit<'a>> {
    if let Some(root) = &facts.root {
        return Err(Misfit {
            node: None,
            why: format!("it is of a file system mounted at {root}, not of a node"),
        });
    }
    let Some(boot_id) = facts.boot_id.as_ref().filter(|id| !id.is_empty()) else {
        return Err(Misfit { node: None, why: "it has no boot id".to_owned() });
    };
    let same_machine = |node: &&NodeIdentity| {
        !node.machine_id.is_empty() && Some(&node.machine_id) == facts.machine_id.as_ref()
    };
    let same_boot: Vec<&NodeIdentity> = nodes.iter().filter(|node| node.boot_id == *boot_id).collect();
    match same_boot.as_slice() {
        [] => {
            // Machines made from one image may share their id: then it says nothing.
            let mut same = nodes.iter().filter(same_machine);
            let node = same.next().filter(|_| same.next().is_none());
            let why = match node {
                Some(node) => format!("{} was booted anew since: probe it again", node.name),
                None => format!("no node has its boot id {boot_id}"),
            };
            Err(Misfit { node, why })
        }
        // A node whose kubelet gives no machine id cannot be told from another of the same boot.
        [node] if node.machine_id.is_empty() || facts.machine_id.is_none() => Ok(node),
        several => several.iter().copied().find(same_machine).ok_or_else(|| Misfit {
            node: several.first().copied().filter(|_| several.len() == 1),
            why: "the boot id is right, the machine id is not: it seems to come from inside a container"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
