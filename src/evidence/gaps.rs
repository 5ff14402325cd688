//! All that was not read, in one list.

use std::collections::HashSet;

use super::{Credentials, Evidence, Reading, Reason, Unread};

impl Evidence {
    /// Everything that was not read, and why: what a report must say beside its findings.
    pub fn unread(&self) -> Vec<Unread> {
        let credentials = self.credentials.as_ref().and_then(Credentials::unread);
        let mut unread: Vec<Unread> =
            credentials.into_iter().chain(self.servers.unread.iter().cloned()).collect();
        for server in &self.servers.servers {
            push(&mut unread, &server.version);
            // One that was not reached is one gap, not three.
            let unreached = |gap: &Unread| matches!(gap.reason, Reason::Unreachable | Reason::TimedOut);
            if server.version.get().is_err_and(unreached) {
                continue;
            }
            push(&mut unread, &server.ready);
            push(&mut unread, &server.deprecated_calls);
        }
        push(&mut unread, &self.served);
        unread.extend(self.uid_unread.clone());
        self.config_maps.values().for_each(|reading| push(&mut unread, reading));
        unread.extend(self.objects.gaps());
        unread.extend(self.listings().iter().filter_map(|listing| listing.unwatched.cloned()));
        unread.extend(self.facts_gaps());
        if !(self.nodes_looked_for_backups()
            && self.backups.get().is_err_and(|gap| gap.reason == Reason::NotProvided))
        {
            push(&mut unread, &self.backups);
        }
        unread.extend(self.backups.value().into_iter().flat_map(|found| found.unread.iter().cloned()));
        // The list of API servers rests on a listing, whose gap is the same.
        let mut seen = HashSet::new();
        unread.retain(|gap| seen.insert(gap.clone()));
        unread
    }

    /// Whether the probe looked for backups on some node, so that none has to be looked for here.
    fn nodes_looked_for_backups(&self) -> bool {
        let mut facts = self.node_facts.values().filter_map(Reading::value);
        facts.any(|facts| facts.backups.as_ref().is_some_and(|backups| !backups.looked.is_empty()))
    }

    /// The nodes whose facts were not read, or one entry for all of them where none was asked for; and files
    /// that belong to no node.
    fn facts_gaps(&self) -> Vec<Unread> {
        let mut gaps = self.stray_facts.clone();
        if self.node_facts.is_empty() {
            // A folder that cannot be read, or is still to be, says more than that there are none.
            if gaps.is_empty() {
                gaps.push(self.no_facts());
            }
        } else {
            gaps.extend(
                self.objects.nodes.iter().filter_map(|node| self.facts_of(&node.metadata.name).err()),
            );
        }
        gaps
    }
}

impl Evidence {
    /// Whether nothing at all was read of the cluster.
    pub fn is_empty(&self) -> bool {
        let listed = self.listings().iter().any(|listing| listing.objects > 0 || listing.is_read);
        let named = self.config_maps.values().any(|reading| reading.value().is_some());
        !listed && !named && self.served.value().is_none() && self.servers.versions().next().is_none()
    }
}

impl super::Objects {
    /// What was not read of any listing.
    pub fn gaps(&self) -> Vec<Unread> {
        let mut gaps = Vec::new();
        gaps.extend(self.nodes.gaps());
        gaps.extend(self.pods.gaps());
        self.workloads.values().for_each(|listing| gaps.extend(listing.gaps()));
        gaps.extend(self.csi_nodes.gaps());
        gaps.extend(self.csi_drivers.gaps());
        gaps.extend(self.persistent_volumes.gaps());
        gaps.extend(self.storage_classes.gaps());
        gaps.extend(self.pod_disruption_budgets.gaps());
        gaps.extend(self.leases.gaps());
        gaps.extend(self.endpoint_slices.gaps());
        self.managed.values().for_each(|managed| gaps.extend(managed.listing.gaps()));
        gaps
    }
}

fn push<T>(unread: &mut Vec<Unread>, reading: &Reading<T>) {
    if let Reading::Unread(why) = reading {
        unread.push(why.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::objects::Node;
    use crate::evidence::{Cluster, Listing, NodeFacts, Reason, Scope, Stamp};
    use jiff::Timestamp;

    #[test]
    fn a_node_without_facts_is_named_and_an_empty_folder_said_once() {
        let stamp = Stamp { at: Timestamp::UNIX_EPOCH, how: "x".into() };
        let node =
            |name: &str| serde_json::from_value(serde_json::json!({ "metadata": { "name": name } })).unwrap();
        let nodes: Vec<Node> = vec![node("w1"), node("w2")];
        let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        evidence.objects.nodes = Listing::complete("nodes", nodes, stamp.clone());
        let facts = |evidence: &Evidence| {
            let unread = evidence.unread().into_iter().filter(|unread| unread.resource == "node facts");
            unread.map(|unread| (unread.of.map(String::from), unread.reason)).collect::<Vec<_>>()
        };
        assert_eq!(facts(&evidence), [(None, Reason::NotProvided)]);
        evidence.node_facts.insert("w1".into(), Reading::Read { stamp, value: NodeFacts::default().into() });
        assert_eq!(facts(&evidence), [(Some("w2".to_owned()), Reason::NotProvided)]);
        assert!(evidence.facts_of("w1").is_ok());
        evidence.scope = Scope::Api;
        assert_eq!(evidence.facts_of("w2").unwrap_err().reason, Reason::OutOfScope);
    }
}
