//! What the probes of the control planes say of etcd's inside, and which of them do not.

use jiff::SignedDuration;

use super::{Context, Finding, Severity, words};
use crate::checks::common::facts::{UnreadFacts, unseen};
use crate::checks::common::image::Image;
use crate::evidence::node_facts::{Etcd, NodeFacts};
use crate::evidence::{Reason, Stamp, Unread};
use crate::version::Version;

/// How old facts may be to speak of now: members come and go, and databases grow.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// etcd's quota where nothing sets another: 2 GiB.
const QUOTA: u64 = 2 << 30;

/// The members whose machines spoke.
#[derive(Default)]
pub(super) struct Inside<'a> {
    /// By node.
    pub(super) members: Vec<Local<'a>>,
}

/// A member, as its own machine shows it.
pub(super) struct Local<'a> {
    pub(super) node: &'a str,
    pub(super) facts: &'a NodeFacts,
    pub(super) etcd: &'a Etcd,
    pub(super) stamp: &'a Stamp,
}

impl Local<'_> {
    /// The version that runs.
    pub(super) fn version(&self) -> Option<Version> {
        let status = self.etcd.status.as_ref().and_then(|status| status.version.as_deref());
        let metrics = self.etcd.metrics.as_ref().and_then(|metrics| metrics.server_version.as_deref());
        status.or(metrics)?.parse().ok()
    }

    /// The version in the tag of its manifest's image.
    pub(super) fn tagged(&self) -> Option<Version> {
        Image::of(self.etcd.image.as_deref()?).version()
    }

    /// Its id.
    pub(super) fn id(&self) -> Option<u64> {
        self.etcd.status.as_ref()?.header.member_id
    }

    /// The size of its database, in bytes.
    pub(super) fn size(&self) -> Option<u64> {
        let status = self.etcd.status.as_ref().and_then(|status| status.db_size);
        status.or_else(|| self.etcd.metrics.as_ref()?.db_size_bytes).or(self.etcd.db_file_bytes)
    }

    /// How much of that is in use, in bytes.
    pub(super) fn in_use(&self) -> Option<u64> {
        let status = self.etcd.status.as_ref().and_then(|status| status.db_size_in_use);
        status.or_else(|| self.etcd.metrics.as_ref()?.db_size_in_use_bytes)
    }

    /// The size at which it takes no more, in bytes: what it says, or its flag, or etcd's default.
    pub(super) fn quota(&self) -> u64 {
        let metrics = self.etcd.metrics.as_ref().and_then(|metrics| metrics.quota_bytes);
        let flag = || self.flag("quota-backend-bytes")?.parse().ok();
        metrics.or_else(flag).filter(|quota| *quota > 0).unwrap_or(QUOTA)
    }

    /// The names of the flags in its manifest, without dashes.
    pub(super) fn flags(&self) -> impl Iterator<Item = &str> {
        let manifests =
            self.facts.static_pods.iter().flatten().filter(|pod| pod.name.as_deref() == Some("etcd"));
        manifests.flat_map(|pod| &pod.flags).map(|flag| flag.name.as_str())
    }

    fn flag(&self, name: &str) -> Option<&str> {
        let mut manifests =
            self.facts.static_pods.iter().flatten().filter(|pod| pod.name.as_deref() == Some("etcd"));
        manifests.find_map(|pod| pod.flags.iter().find(|flag| flag.name == name)?.value.as_deref())
    }

    /// The member in a line.
    pub(super) fn summary(&self) -> String {
        let version =
            self.version().map_or_else(|| "of unknown version".to_owned(), |version| version.to_string());
        let leads = self
            .etcd
            .status
            .as_ref()
            .is_some_and(|status| status.leader.is_some() && status.leader == self.id());
        let size = self.size().map_or_else(|| "of unknown size".to_owned(), words::bytes);
        format!(
            "{}: {version}, {size} of {}{}, by {}",
            self.node,
            words::bytes(self.quota()),
            if leads { ", leader" } else { "" },
            self.etcd.via.as_deref().unwrap_or("the probe")
        )
    }
}

/// Every member that spoke, and unknowns that name the control planes that did not, or not of all.
pub(super) fn read<'a>(context: &Context<'a>) -> (Inside<'a>, Vec<Finding>) {
    let mut inside = Inside::default();
    let mut unread = UnreadFacts::default();
    for node in context.hosts() {
        let (facts, stamp) = match context.evidence.node_facts.get(node).map(|reading| reading.get()) {
            Some(Ok((facts, stamp))) => (&**facts, stamp),
            Some(Err(why)) => {
                unread.add(node, why, Severity::Blocker, None);
                continue;
            }
            None => {
                if let Err(why) = context.evidence.facts_of(node) {
                    unread.add(node, &why, Severity::Blocker, None);
                }
                continue;
            }
        };
        if let Some(why) = gap(context, node, facts, stamp) {
            unread.add(node, &why, Severity::Blocker, None);
        }
        if let Some(etcd) = facts.etcd.as_ref().filter(|etcd| etcd.local == Some(true)) {
            inside.members.push(Local { node, facts, etcd, stamp });
        }
    }
    let gaps = unread.findings("EtcdInsideUnread", |_| {
        "An alarm, a member that is gone or one that is not healthy stops kubeadm or the cluster, and may show there only.".to_owned()
    });
    (inside, gaps)
}

/// The first thing that a machine does not say of its member.
fn gap(context: &Context<'_>, node: &str, facts: &NodeFacts, stamp: &Stamp) -> Option<Unread> {
    let because = |why: &str| Some(unseen(facts, node, "etcd's inside", why));
    let etcd = match facts.read("etcd", &facts.etcd).value() {
        Some(etcd) => etcd,
        None => return because(facts.why_unread("etcd").unwrap_or("the probe's document does not say")),
    };
    match etcd.local {
        Some(true) => {}
        Some(false) if context.pods.contains_key(node) => {
            return because("its static pod is shown, and the probe found no manifest of it");
        }
        // That a control plane has no static pod of etcd is said by its mirror's absence.
        Some(false) => return None,
        None => return because("the probe's document does not say if a member is here"),
    }
    let missing = [
        ("etcd.members", etcd.members.is_none()),
        ("etcd.status", etcd.status.is_none()),
        ("etcd.alarms", etcd.alarms.is_none()),
        ("etcd.health", etcd.health.is_none()),
    ];
    if let Some((what, _)) = missing.iter().find(|(_, missing)| *missing) {
        // The probe names the first that it could not ask; the others follow from that.
        let reason = facts.why_unread(what).or_else(|| facts.why_unread("etcd.members"));
        return because(reason.unwrap_or("the probe's document does not say"));
    }
    let old = context.evidence.at.duration_since(stamp.at);
    (old > FRESH).then(|| {
        let why = format!("they are {} old, and etcd changes", words::age(old));
        Unread::new("probe", "etcd's inside", Reason::NotProvided, &why).of(node).at(stamp.at)
    })
}
