//! All that was not read, in one list.

use super::{Evidence, Reading, Unread};

impl Evidence {
    /// Everything that was not read, and why: what a report must say beside its findings.
    pub fn unread(&self) -> Vec<Unread> {
        let mut unread = self.servers.unread.clone();
        for server in &self.servers.servers {
            push(&mut unread, &server.version);
            push(&mut unread, &server.ready);
            push(&mut unread, &server.deprecated_calls);
        }
        push(&mut unread, &self.served);
        self.config_maps.values().for_each(|reading| push(&mut unread, reading));
        unread.extend(self.objects.gaps());
        unread
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
