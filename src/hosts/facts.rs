//! Documents of the probe from a folder, and which Node each belongs to.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::parsed::{Parsed, Version};
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
    pub facts: Result<Arc<NodeFacts>, FactsError>,
}

/// Reads every file of a folder but those that begin with a dot, whatever they are called; folders in it are left
/// alone. Links are followed within the folder only (a mounted ConfigMap is made of such). What is in `parsed` of files that
/// have not changed is taken from there; it holds what this folder holds now afterwards.
pub fn load_dir(folder: &Path, parsed: &mut Parsed) -> Result<Vec<Loaded>, FactsError> {
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
    let before = std::mem::take(parsed);
    let load = |(index, name): (usize, &OsString)| Loaded {
        file: Text::new(&name.to_string_lossy()),
        facts: match index < FILE_LIMIT {
            true => load(&root, name, (&before, parsed)),
            false => Err(FactsError::TooMany),
        },
    };
    Ok(names.iter().enumerate().map(load).collect())
}

fn load(
    root: &Path,
    name: &OsString,
    (before, parsed): (&Parsed, &mut Parsed),
) -> Result<Arc<NodeFacts>, FactsError> {
    let real = root.join(name).canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FactsError::LeadsOut,
        _ => FactsError::Io(error),
    })?;
    if !real.starts_with(root) {
        return Err(FactsError::LeadsOut);
    }
    // Opening a pipe would wait for somebody to write.
    let metadata = real.metadata()?;
    if !metadata.is_file() {
        return Err(FactsError::NotAFile);
    }
    let version = Version::of(&real, &metadata);
    let facts = match version.as_ref().and_then(|version| before.get(name, version)) {
        Some(facts) => facts,
        None => {
            let mut json = Vec::new();
            File::open(&real)?.take(SIZE_LIMIT + 1).read_to_end(&mut json)?;
            Arc::new(probe::parse(&json)?)
        }
    };
    if let Some(version) = version {
        parsed.keep(name, version, &facts);
    }
    Ok(facts)
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
    let owners = Owners::of(nodes);
    let mut chosen: BTreeMap<&str, (Text, Arc<NodeFacts>)> = BTreeMap::new();
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
        match owners.owner(&facts) {
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

fn read(file: &Text, facts: Arc<NodeFacts>) -> Reading<Arc<NodeFacts>> {
    // Without a time of its own a document is as old as it can be, not as new.
    let at = facts.collected_at.unwrap_or(Timestamp::UNIX_EPOCH);
    Reading::Read { stamp: Stamp { at, how: Text::new(&format!("probe {file}")) }, value: facts }
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

/// Nodes by what tells them apart.
#[derive(Default)]
struct Owners<'a> {
    by_boot: HashMap<&'a str, Vec<&'a NodeIdentity>>,
    /// Those that have a machine id.
    by_machine: HashMap<&'a str, Vec<&'a NodeIdentity>>,
}

impl<'a> Owners<'a> {
    fn of(nodes: &'a [NodeIdentity]) -> Self {
        let mut owners = Self::default();
        for node in nodes {
            owners.by_boot.entry(node.boot_id.as_str()).or_default().push(node);
            if !node.machine_id.is_empty() {
                owners.by_machine.entry(node.machine_id.as_str()).or_default().push(node);
            }
        }
        owners
    }

    fn owner(&self, facts: &NodeFacts) -> Result<&'a NodeIdentity, Misfit<'a>> {
        if let Some(root) = &facts.root {
            return Err(Misfit {
                node: None,
                why: format!("it is of a file system mounted at {root}, not of a node"),
            });
        }
        let Some(boot_id) = facts.boot_id.as_ref().filter(|id| !id.is_empty()) else {
            return Err(Misfit { node: None, why: "it has no boot id".to_owned() });
        };
        let machine_id = facts.machine_id.as_ref().map(Text::as_str);
        let same_machine = machine_id.and_then(|id| self.by_machine.get(id)).map_or(&[][..], Vec::as_slice);
        match self.by_boot.get(boot_id.as_str()).map_or(&[][..], Vec::as_slice) {
            [] => Err(match same_machine {
                [node] => Misfit {
                    node: Some(*node),
                    why: format!("{} was booted anew since: probe it again", node.name),
                },
                // Machines made from one image may share their id: then it says nothing.
                _ => Misfit { node: None, why: format!("no node has its boot id {boot_id}") },
            }),
            // A node whose kubelet gives no machine id cannot be told from another of the same boot.
            [node] if node.machine_id.is_empty() || machine_id.is_none() => Ok(*node),
            several => same_machine.iter().copied().find(|node| node.boot_id == *boot_id).ok_or_else(|| {
                Misfit {
                node: several.first().copied().filter(|_| several.len() == 1),
                why: "the boot id is right, the machine id is not: it seems to come from inside a container"
                    .to_owned(),
            }
            }),
        }
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
