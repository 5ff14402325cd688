//! Disks that are nearly full, by the kubelet's own limits: those that it has, and those that the upgrade brings.
//!
//! Source: k8s.io/kubernetes pkg/kubelet/eviction/{helpers,defaults_linux}.go, pkg/kubelet/images/image_gc_manager.go and
//! pkg/kubelet/apis/config/v1beta1/defaults.go, 1.31.14 and 1.37.2.

use std::collections::BTreeMap;

use crate::checks::common::facts::flag;
use crate::checks::common::kubelet_config::KubeletConfiguration;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Stamp;
use crate::evidence::node_facts::{Disk, NodeFacts};

/// Where pods write.
const NODE_DISK: &str = "/var/lib/kubelet";
/// Where images are.
const IMAGE_DISKS: [&str; 2] = ["/var/lib/containerd", "/var/lib/containers"];
/// What the kubelet has for a signal where nothing is configured.
const DEFAULTS: [(&str, &str); 2] = [("nodefs.available", "10%"), ("imagefs.available", "15%")];
/// From this use of the disk on, in percent, the kubelet removes images that nobody uses.
const DEFAULT_GC: u64 = 85;

/// The limits of one kubelet, and who set them.
struct Limits<'a> {
    /// What evicts; `None` where nothing is configured.
    hard: Option<BTreeMap<&'a str, &'a str>>,
    /// Whether the defaults hold for what [`Limits::hard`] does not name.
    merged: bool,
    gc: u64,
    from: &'static str,
}

impl<'a> Limits<'a> {
    /// Those that the kubelet has now, as far as the probe saw its file; flags go before it.
    fn now(facts: &'a NodeFacts) -> Option<Self> {
        let config = facts.kubelet.as_ref()?.config.as_ref()?;
        if flag(facts, "eviction-hard").is_none() && facts.why_unread("kubelet.config.evictionHard").is_some()
        {
            return None;
        }
        let hard = config.eviction_hard.iter().map(|(signal, limit)| (signal.as_str(), limit.as_str()));
        let limits = Self {
            hard: Some(hard.collect()).filter(|hard: &BTreeMap<_, _>| !hard.is_empty()),
            merged: config.merge_default_eviction_settings == Some(true),
            gc: config.image_gc_high_threshold_percent.unwrap_or(DEFAULT_GC),
            from: "its own configuration",
        };
        Some(limits.with_flags(facts))
    }

    /// Those that the kubelet has once kubelet-config is in its file.
    fn after(facts: &'a NodeFacts, config: &'a KubeletConfiguration) -> Self {
        let hard = config.eviction_hard.as_ref();
        let limits = Self {
            hard: hard.map(|hard| hard.iter().map(|(signal, limit)| (&**signal, &**limit)).collect()),
            merged: config.merge_default_eviction_settings == Some(true),
            gc: config.image_gc_high_threshold_percent.unwrap_or(DEFAULT_GC),
            from: "kubelet-config, which the upgrade writes to it",
        };
        limits.with_flags(facts)
    }

    fn with_flags(mut self, facts: &'a NodeFacts) -> Self {
        if let Some(value) = flag(facts, "eviction-hard") {
            let limits = value.split(',').filter_map(|limit| limit.split_once('<'));
            self.hard = Some(limits.map(|(signal, limit)| (signal.trim(), limit.trim())).collect());
        }
        if let Some(gc) = flag(facts, "image-gc-high-threshold").and_then(|value| value.parse().ok()) {
            self.gc = gc;
        }
        self
    }

    fn defaults(facts: &'a NodeFacts) -> Self {
        Self { hard: None, merged: false, gc: DEFAULT_GC, from: "its default" }.with_flags(facts)
    }

    /// What evicts by this signal; nothing where that is turned off. A map without a signal turns it off.
    fn evicts_by(&self, signal: &str) -> Option<&'a str> {
        let default = || DEFAULTS.iter().find(|(name, _)| *name == signal).map(|(_, limit)| *limit);
        let limit = match &self.hard {
            None => default(),
            Some(hard) if self.merged => hard.get(signal).copied().or_else(default),
            Some(hard) => hard.get(signal).copied(),
        };
        limit.filter(|limit| !matches!(*limit, "0%" | "100%"))
    }

    /// What the kubelet does at this much free space, in words.
    fn crossed(&self, signal: &str, free: u64, total: u64) -> Option<String> {
        let evicts = self.evicts_by(signal).filter(|limit| is_less(free, total, limit));
        if let Some(limit) = evicts {
            let limit = limit.replace('%', " %");
            return Some(format!("below {limit} the kubelet removes images and evicts pods ({})", self.from));
        }
        // 100 turns it off, whatever is used.
        let removes = signal == "imagefs.available"
            && self.gc < 100
            && u128::from(free) * 100 / u128::from(total) <= u128::from(100 - self.gc);
        removes.then(|| {
            format!("at {} % the kubelet removes images that nobody uses ({})", 100 - self.gc, self.from)
        })
    }
}

/// Whether so much is less than a limit of the kubelet: a share, or a quantity of bytes.
fn is_less(free: u64, total: u64, limit: &str) -> bool {
    #[allow(clippy::cast_precision_loss)]
    let (free, total) = (free as f64, total as f64);
    match limit.strip_suffix('%') {
        Some(share) => share.parse::<f64>().is_ok_and(|share| free * 100.0 < share * total),
        None => bytes(limit).is_some_and(|limit| free < limit),
    }
}

/// The bytes of a quantity as Kubernetes writes it, such as `1.5Gi`.
fn bytes(quantity: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 10] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((quantity.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((quantity, 1.0));
    Some(number.parse::<f64>().ok()? * factor)
}

/// The disks of one machine that are nearly full, each device once.
pub(super) fn nearly_full(
    node: &str,
    facts: &NodeFacts,
    config: Option<&KubeletConfiguration>,
    stamp: &Stamp,
) -> Vec<Finding> {
    let Some(disks) = &facts.disk else { return Vec::new() };
    let now = Limits::now(facts);
    let after = config.map(|config| Limits::after(facts, config));
    let limits = match (now, after) {
        (None, None) => vec![Limits::defaults(facts)],
        (now, after) => now.into_iter().chain(after).collect(),
    };
    let mut found: Vec<(&Disk, Finding)> = Vec::new();
    let paths = IMAGE_DISKS.map(|path| (path, "imagefs.available"));
    for (path, signal) in paths.into_iter().chain([(NODE_DISK, "nodefs.available")]) {
        let Some(disk) = disks.iter().find(|disk| disk.path == path) else { continue };
        let (Some(free), Some(total)) = (disk.free_bytes, disk.total_bytes.filter(|total| *total > 0)) else {
            continue;
        };
        let same_device = |(other, _): &(&Disk, _)| disk.device.is_some() && other.device == disk.device;
        if found.iter().any(same_device) {
            continue;
        }
        let crossed = limits.iter().find_map(|limits| limits.crossed(signal, free, total));
        found.extend(crossed.map(|what| (disk, finding(node, path, (free, total), &what, stamp))));
    }
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(node: &str, path: &str, (free, total): (u64, u64), what: &str, stamp: &Stamp) -> Finding {
    let share = u128::from(free) * 100 / u128::from(total);
    let message = format!("{share} % of the disk under {path} is free; {what}");
    Finding::new("DiskNearlyFull", Severity::Warning, Subject::node(node), message)
        .why(
            "An upgrade pulls new images beside the old ones, and kubeadm copies etcd's folder on a control \
             plane. The kubelet that removes images may remove those that were pulled beforehand.",
        )
        .saw(format!("{free} of {total} bytes free"), Some(stamp))
        .remedy(
            "Free space there first. On a control plane, kubeadm's old copies are in /etc/kubernetes/tmp.",
            ["crictl rmi --prune".to_owned()],
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, of_code};
    use crate::evidence::node_facts::{Flag, FlagSource, UnreadFact};
    use serde_json::json;

    fn disk(path: &str, free: u64, device: &str) -> Disk {
        Disk {
            path: path.into(),
            total_bytes: Some(1000),
            free_bytes: Some(free),
            device: Some(device.into()),
            ..Disk::default()
        }
    }

    fn said(world: &World) -> Vec<String> {
        let findings = world.check("nodes", "1.31.4");
        findings.into_iter().filter(|f| f.code == "DiskNearlyFull").map(|f| f.message).collect()
    }

    /// A cluster whose w1 has these disks, and this in its kubelet's file beside what it has.
    fn world(disks: Vec<Disk>, config: serde_json::Value) -> World {
        let mut world = World::new("1.30.4");
        world.facts("w1", |facts| {
            facts.disk = Some(disks);
            facts.kubelet.as_mut().unwrap().config = Some(serde_json::from_value(config).unwrap());
        });
        world
    }

    fn kubelet_config(world: &mut World, lines: &str) {
        world.config_map("kubelet-config", json!({ "kubelet": format!("cgroupDriver: systemd\n{lines}") }));
    }

    fn images(free: u64) -> Vec<Disk> {
        vec![disk("/var/lib/containerd", free, "a")]
    }

    fn pods(free: u64) -> Vec<Disk> {
        vec![disk("/var/lib/kubelet", free, "a")]
    }

    #[test]
    fn where_nothing_is_configured_the_defaults_count() {
        let full = |disks| said(&world(disks, json!({}))).len();
        assert_eq!((full(pods(100)), full(pods(99))), (0, 1));
        assert_eq!((full(images(160)), full(images(159)), full(images(149))), (0, 1, 1));
        let both = |other| [pods(99), vec![disk("/var/lib/containerd", 99, other)]].concat();
        assert_eq!((full(both("b")), full(both("a"))), (2, 1), "one disk is said once");
        assert_eq!(full(vec![disk("/var/log", 1, "a")]), 0);
    }

    #[test]
    fn a_kubelet_is_judged_by_its_own_limits() {
        // What a cluster has whose disks may be full: nothing evicts, and nothing removes images.
        let never = json!({ "imageGCHighThresholdPercent": 100,
            "evictionHard": { "nodefs.available": "0%", "imagefs.available": "0%" } });
        let lines = "imageGCHighThresholdPercent: 100\nevictionHard:\n  nodefs.available: 0%\n  imagefs.available: 0%\n";
        let mut off = world([pods(1), vec![disk("/var/lib/containerd", 1, "b")]].concat(), never);
        kubelet_config(&mut off, lines);
        assert_eq!(said(&off), [""; 0]);

        let own = |limits: serde_json::Value, disks: Vec<Disk>| {
            let mut world =
                world(disks, json!({ "evictionHard": limits, "imageGCHighThresholdPercent": 100 }));
            kubelet_config(&mut world, lines);
            said(&world)
        };
        assert_eq!(own(json!({ "nodefs.available": "20%" }), pods(200)), [""; 0]);
        assert_eq!(
            own(json!({ "nodefs.available": "20%" }), pods(199)),
            ["19 % of the disk under /var/lib/kubelet is free; below 20 % the kubelet removes images and \
              evicts pods (its own configuration)"]
        );
        assert_eq!(own(json!({ "nodefs.available": "500" }), pods(500)), [""; 0]);
        assert_eq!(own(json!({ "nodefs.available": "0.5Ki" }), pods(500)).len(), 1);
        assert_eq!(
            own(json!({ "memory.available": "1Gi" }), pods(1)),
            [""; 0],
            "a map without it turns it off"
        );
    }

    #[test]
    fn defaults_are_merged_where_the_kubelet_is_told_to() {
        let merged = |merge: bool| {
            let config = json!({ "mergeDefaultEvictionSettings": merge, "evictionHard": { "memory.available": "1Gi" } });
            let mut world = world(pods(99), config);
            let lines =
                format!("mergeDefaultEvictionSettings: {merge}\nevictionHard:\n  memory.available: 1Gi\n");
            kubelet_config(&mut world, &lines);
            said(&world).len()
        };
        assert_eq!((merged(false), merged(true)), (0, 1));
    }

    #[test]
    fn images_are_removed_by_a_limit_of_their_own() {
        let config = |high: u64| json!({ "imageGCHighThresholdPercent": high, "evictionHard": { "imagefs.available": "5%" } });
        let gc = |high: u64, free: u64| {
            let mut world = world(images(free), config(high));
            kubelet_config(
                &mut world,
                "imageGCHighThresholdPercent: 100\nevictionHard: {imagefs.available: 5%}\n",
            );
            said(&world)
        };
        assert_eq!(gc(70, 310), [""; 0]);
        assert_eq!(
            gc(70, 309),
            ["30 % of the disk under /var/lib/containerd is free; at 30 % the kubelet removes images that \
              nobody uses (its own configuration)"]
        );
        assert_eq!(gc(100, 50), [""; 0]);
        assert!(gc(100, 49)[0].contains("below 5 % the kubelet removes images and evicts pods"));
    }

    #[test]
    fn what_the_upgrade_writes_counts_too() {
        let own = json!({ "evictionHard": { "nodefs.available": "1%" } });
        let mut brought = world(pods(50), own.clone());
        assert_eq!(
            said(&brought),
            ["5 % of the disk under /var/lib/kubelet is free; below 10 % the kubelet removes images and \
              evicts pods (kubelet-config, which the upgrade writes to it)"]
        );
        kubelet_config(&mut brought, "evictionHard: {nodefs.available: 5%}\n");
        assert_eq!(said(&brought), [""; 0]);
        // A flag stays, and goes before both.
        let value = Some("nodefs.available<6%,memory.available<1Gi".into());
        let flag = Flag { name: "eviction-hard".into(), value, ..Flag::default() };
        let source = FlagSource { flags: vec![flag], ..FlagSource::default() };
        brought.facts("w1", |facts| facts.kubelet.as_mut().unwrap().flag_sources.push(source));
        assert!(said(&brought)[0].contains("below 6 %"), "{:?}", said(&brought));
    }

    #[test]
    fn limits_that_were_not_read_are_kubelet_configs_or_the_defaults() {
        let unread = |map: Option<&str>| {
            let mut world = world(pods(80), json!({ "evictionHard": { "nodefs.available": "1%" } }));
            let entry = UnreadFact { what: "kubelet.config".into(), reason: "it is written as JSON".into() };
            world.facts("w1", |facts| facts.unread.push(entry));
            match map {
                Some(lines) => kubelet_config(&mut world, lines),
                None => drop(world.evidence.config_maps.remove("kubelet-config")),
            }
            of_code(&world.check("nodes", "1.31.4"), "DiskNearlyFull").len()
        };
        assert_eq!(unread(Some("evictionHard: {nodefs.available: 5%}\n")), 0);
        assert_eq!(unread(Some("evictionHard: {nodefs.available: 9%}\n")), 1);
        assert_eq!(unread(None), 1, "the default is 10 %");
    }
}
