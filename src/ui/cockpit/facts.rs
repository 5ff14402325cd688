//! What is known about the cluster at a glance: a line each.

use std::collections::BTreeMap;

use crate::evidence::{Evidence, Listing, Progress};

use crate::ui::words::{clock, number};

/// Lines of a label and what is known; "not read" where it is not.
pub fn of(evidence: &Evidence) -> Vec<(String, String)> {
    let mut facts = servers(evidence);
    facts.push(("Nodes".to_owned(), nodes(evidence)));
    facts.push(("Kubelets".to_owned(), kubelets(evidence)));
    let pods = &evidence.objects.pods;
    facts.push(("Pods".to_owned(), counted(pods)));
    facts
}

fn servers(evidence: &Evidence) -> Vec<(String, String)> {
    let servers = &evidence.servers.servers;
    if servers.is_empty() {
        let text = if evidence.servers.listed { "none found" } else { "not read" };
        return vec![("API server".to_owned(), text.to_owned())];
    }
    servers
        .iter()
        .map(|server| {
            let name = server.hostname.as_ref().unwrap_or(&server.address);
            let ready = match server.ready.value() {
                None => "not known if ready",
                Some(health) if health.ok => "ready",
                Some(_) => "not ready",
            };
            let text = match (server.version.value(), server.ready.value()) {
                (Some(version), _) => format!("{version}, {ready}"),
                (None, Some(_)) => format!("version not read, {ready}"),
                (None, None) => "not read".to_owned(),
            };
            (name.to_string(), text)
        })
        .collect()
}

fn nodes(evidence: &Evidence) -> String {
    let nodes = &evidence.objects.nodes;
    let ready =
        nodes.iter().filter(|node| node.condition("Ready").is_some_and(|ready| ready.status == "True"));
    let text = format!("{} of {} ready", number(ready.count()), number(nodes.items.len()));
    as_read(nodes, text)
}

fn kubelets(evidence: &Evidence) -> String {
    let nodes = &evidence.objects.nodes;
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.iter() {
        let version: &str = &node.status.node_info.kubelet_version;
        *versions.entry(version.strip_prefix('v').unwrap_or(version)).or_default() += 1;
    }
    let mut versions: Vec<(&str, usize)> = versions.into_iter().collect();
    versions.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
    let each = versions.iter().map(|(version, on)| match on {
        1 => (*version).to_owned(),
        on if versions.len() == 1 && *on == nodes.items.len() => (*version).to_owned(),
        on => format!("{version} on {}", number(*on)),
    });
    let text = each.collect::<Vec<_>>().join(", ");
    as_read(nodes, text)
}

/// How many objects there are, or how many of them were read so far.
fn counted<T>(listing: &Listing<T>) -> String {
    match listing.progress {
        Progress::Reading { seen, of: Some(of) } => format!("{} of ~{} read", number(seen), number(of)),
        Progress::Reading { seen, of: None } => format!("{} read so far", number(seen)),
        _ => as_read(listing, number(listing.items.len())),
    }
}

/// `text`, with how much of the listing it stands for.
fn as_read<T>(listing: &Listing<T>, text: String) -> String {
    let none = listing.items.is_empty();
    let text =
        listing.stale_since.map_or(text.clone(), |since| format!("{text}, as of {} UTC", clock(since)));
    match listing.progress {
        Progress::Done if listing.unread.is_empty() => text,
        Progress::Done if !none => format!("{text}, of those read"),
        Progress::Reading { .. } if !none => format!("{text} so far"),
        _ => "not read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    fn fact(evidence: &Evidence, label: &str) -> String {
        of(evidence).into_iter().find(|(own, _)| own == label).unwrap().1
    }

    #[test]
    fn facts_say_how_much_they_stand_for() {
        let mixed = sample::mixed().evidence;
        assert_eq!(fact(&mixed, "Nodes"), "9 of 9 ready");
        assert_eq!(fact(&mixed, "Kubelets"), "1.30.6 on 8, 1.29.9");
        assert_eq!(fact(&mixed, "cp2"), "1.30.6, ready");
        assert_eq!(fact(&sample::reading().evidence, "Pods"), "4,120 of ~11,000 read");
        let mut silent = (*mixed).clone();
        let unread =
            || crate::evidence::Unread::new("get", "/version", crate::evidence::Reason::Unreachable, "");
        silent.servers.servers[1].version = crate::evidence::Reading::Unread(unread());
        assert_eq!(fact(&silent, "cp2"), "version not read, ready");
        silent.servers.servers[1].ready = crate::evidence::Reading::Unread(unread());
        assert_eq!(fact(&silent, "cp2"), "not read");
        let nothing = sample::nothing().evidence;
        assert_eq!(fact(&nothing, "Nodes"), "not read");
        assert_eq!(fact(&nothing, "API server"), "not read");
        let mut some = (*mixed).clone();
        some.objects.pods.stale_since = Some(sample::at(27));
        assert_eq!(fact(&some, "Pods"), "0, as of 12:04:27 UTC");
        some.objects.nodes.unread.push(crate::evidence::Unread::new(
            "list",
            "nodes",
            crate::evidence::Reason::Forbidden,
            "",
        ));
        assert_eq!(fact(&some, "Nodes"), "9 of 9 ready, of those read");
    }
}
