//! What a user may not read is unknown, with verb and resource, and never fine.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use lab::{Lab, Options};
use program::Report;

/// What was refused, as `list pods` or `get configmaps in kube-system of coredns`.
fn refused(report: &Report) -> BTreeSet<String> {
    let refused = report.unread.iter().filter(|unread| unread.reason == "forbidden");
    refused
        .map(|unread| {
            let within = unread.namespace.iter().map(|namespace| format!(" in {namespace}"));
            let of = unread.of.iter().map(|of| format!(" of {of}"));
            format!("{} {}{}", unread.verb, unread.resource, within.chain(of).collect::<String>())
        })
        .collect()
}

fn panes(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|finding| finding.check.as_str()).collect()
}

#[test]
#[ignore = "lab"]
fn what_a_user_may_not_read_is_unknown_and_never_fine() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    kubeadm::make(&lab)?;
    let inspector = lab.check_api("inspector")?;
    assert_eq!((inspector.code, refused(&inspector)), (0, BTreeSet::new()));
    nobody(&lab, &inspector)?;
    partial(&lab)?;
    namespaced(&lab)
}

/// Whom every list is refused.
fn nobody(lab: &Lab, inspector: &Report) -> Result<()> {
    let report = lab.check_api("nobody")?;
    assert_eq!((report.code, report.verdict.as_str()), (4, "unknown"));
    assert_eq!(panes(&report), panes(inspector));
    for pane in panes(&report) {
        let of_pane: Vec<_> = report.findings.iter().filter(|finding| finding.check == pane).collect();
        assert!(of_pane.iter().any(|finding| finding.severity == "unknown"), "{pane}: {of_pane:#?}");
        assert!(of_pane.iter().all(|finding| finding.severity != "pass"), "{pane}: {of_pane:#?}");
    }
    for what in ["list nodes", "list pods", "list deployments.apps", "list csinodes.storage.k8s.io"] {
        assert!(refused(&report).contains(what), "{what} in {:#?}", refused(&report));
    }
    // For people too: no word that could be taken for a good one, and no score.
    let kubeconfig = lab.kubeconfig("nobody");
    let said = lab.kubelift(&["check", "--kubeconfig", kubeconfig.to_str().context("a path in UTF-8")?])?;
    assert_eq!(said.code, 4);
    let words: Vec<&str> = said.stdout.split(|c: char| !c.is_ascii_alphanumeric() && c != '%').collect();
    for good in ["pass", "ok", "OK", "READY", "ready", "100", "100%"] {
        assert!(!words.contains(&good), "{good} in {}", said.stdout);
    }
    assert!(said.stdout.contains("UNKNOWN"), "{}", said.stdout);
    Ok(())
}

/// Who lacks two lists of the inspector's.
fn partial(lab: &Lab) -> Result<()> {
    let report = lab.check_api("partial")?;
    assert_eq!((report.code, report.verdict.as_str()), (4, "unknown"), "{:#?}", report.lines());
    let both = ["list pods", "list csinodes.storage.k8s.io"].map(str::to_owned);
    assert_eq!(refused(&report), both.into());
    for (resource, pane) in
        [("pods", "apparmor"), ("pods", "control-plane"), ("csinodes.storage.k8s.io", "csi")]
    {
        let says = format!("not known: could not list {resource}: forbidden");
        let told = report.findings.iter().any(|finding| {
            finding.check == pane
                && finding.could_hide.as_deref() == Some("blocker")
                && finding.message.starts_with(&says)
        });
        assert!(told, "{pane}: {:#?}", report.findings);
    }
    // What needs neither is judged as before.
    assert_eq!(report.only("KubeletsWithinSkew")?.severity, "pass");
    Ok(())
}

/// Who may read one namespace only.
fn namespaced(lab: &Lab) -> Result<()> {
    lab.shell("sed 's/namespace: shop/namespace: team/' sick.yaml | awk -v RS='---\\n' '/name: annotated/' | kubectl apply -f -")?;
    let report = lab.check_api("namespaced")?;
    assert_eq!((report.code, report.verdict.as_str()), (4, "unknown"), "{:#?}", report.lines());
    assert!(
        report.lines().contains(&"warning AppArmorAnnotation team/Deployment/annotated".to_owned()),
        "{:#?}",
        report.lines()
    );
    for resource in ["pods", "deployments.apps", "cronjobs.batch"] {
        let unread = report.unread.iter().find(|unread| unread.resource == resource).context(resource)?;
        assert_eq!(unread.reason, "forbidden");
        assert!(unread.message.contains("read only in team"), "{}", unread.message);
    }
    assert!(refused(&report).contains("list nodes"), "{:#?}", refused(&report));
    Ok(())
}
