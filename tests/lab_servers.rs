//! Two API servers: each is asked by itself, and one that does not answer hides nothing of the other.

#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;

use anyhow::Result;
use lab::{Lab, Options};
use program::{Report, Unread};

const ADDRESSES: [&str; 2] = ["10.88.0.11:6443", "10.88.0.12:6443"];

/// A read of v1beta3 by an admin, of one server.
fn call_deprecated(lab: &Lab, server: u8) -> Result<()> {
    let kubeconfig = lab.kubeconfig(&format!("admin-{server}"));
    let path = "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas";
    lab.shell(&format!("kubectl --kubeconfig {} get --raw {path}", kubeconfig.display())).map(drop)
}

/// What was not read of the second server, but for its machine, which nobody asked about.
fn of_second(report: &Report) -> Vec<&Unread> {
    let second = |unread: &&Unread| {
        unread.reason != "outOfScope"
            && unread.of.as_deref().is_some_and(|of| [ADDRESSES[1], "cp2"].contains(&of))
    };
    report.unread.iter().filter(second).collect()
}

#[test]
#[ignore = "lab"]
fn each_server_is_asked_by_itself() -> Result<()> {
    let lab = Lab::up(&Options { servers: 2, ..Options::default() })?;
    kubeadm::make(&lab)?;
    kubeadm::second_control_plane(&lab)?;
    call_deprecated(&lab, 2)?;

    let report = lab.check_api("inspector")?;
    assert_eq!(report.only("ApiServersAgree")?.message, "2 API servers at 1.30.14");
    let called = report.only("DeprecatedApiCalled")?;
    assert!(called.message.contains("on 1 of 2 API servers"), "{}", called.message);
    assert!(called.evidence[0]["how"].as_str().is_some_and(|how| how.contains(ADDRESSES[1])), "{called:#?}");
    let asked: BTreeSet<u8> = lab
        .requests_of("inspector")?
        .iter()
        .filter(|request| request.request_uri == "/version")
        .map(|request| request.server)
        .collect();
    assert_eq!(asked, [1, 2].into());

    // Killed, it is still in the Service for a moment; stopped, only its Lease says that there is one.
    for stop in [Lab::kill_server, Lab::stop_server] {
        stop(&lab, 2)?;
        let report = lab.check_api("inspector")?;
        assert_eq!((report.code, report.verdict.as_str()), (4, "unknown"), "{:#?}", report.lines());
        assert_eq!(of_second(&report).len(), 1, "{:#?}", report.unread);
        assert_eq!(of_second(&report)[0].reason, "unreachable");
        // What the first one says stays.
        assert_eq!(report.from.as_deref(), Some("1.30.14"));
        assert_eq!(report.only("KubeletsWithinSkew")?.severity, "pass");
        assert_eq!(report.of_code("ApiServersAgree").len(), 0, "{:#?}", report.findings);
        lab.start_server(2)?;
        lab.wait_for_servers(2)?;
    }
    assert_eq!(lab.check_api("inspector")?.only("ApiServersAgree")?.severity, "pass");
    Ok(())
}

#[test]
#[ignore = "lab"]
fn a_half_upgraded_pair_starts_from_its_oldest() -> Result<()> {
    let lab = Lab::up(&Options { servers: 2, ..Options::default() })?;
    kubeadm::make(&lab)?;
    kubeadm::second_control_plane(&lab)?;
    lab.shell(
        "sed s/NAME/by-argocd/ flow-schema.yaml | kubectl apply --server-side --field-manager=argocd -f -",
    )?;
    let as_next_minor = |server: u8| -> Result<()> {
        lab.stop_server(server)?;
        lab.start_server_as(server, "1.31.14")?;
        lab.wait_for_servers(2)
    };
    as_next_minor(2)?;
    for user in ["inspector", "inspector-2"] {
        let report = lab.check_api(user)?;
        assert_eq!((report.from.as_deref(), report.target.as_deref()), (Some("1.30.14"), Some("1.31.14")));
        assert_eq!(report.only("ApiServersDiffer")?.severity, "warning");
        let written = report.only("DeprecatedApiWritten")?;
        assert_eq!(written.line(), "warning DeprecatedApiWritten FlowSchema/by-argocd");
        assert!(written.message.contains("a blocker at 1.32"), "{}", written.message);
    }

    // Once both are there, the same object is in the way of the next hop, and then it is mended.
    as_next_minor(1)?;
    let deprecated = |report: &Report| -> Vec<String> {
        report.lines().into_iter().filter(|line| line.contains("DeprecatedApi")).collect()
    };
    let report = lab.check_api("inspector")?;
    assert_eq!(report.from.as_deref(), Some("1.31.14"));
    assert!(
        report.target.as_deref().is_some_and(|target| target.starts_with("1.32.")),
        "{:?}",
        report.target
    );
    assert_eq!(deprecated(&report), ["blocker DeprecatedApiWritten FlowSchema/by-argocd"]);
    assert_eq!(report.code, 3);
    call_deprecated(&lab, 2)?;
    assert_eq!(
        deprecated(&lab.check_api("inspector")?),
        ["blocker DeprecatedApiCalled FlowSchema", "blocker DeprecatedApiWritten FlowSchema/by-argocd"]
    );
    lab.shell(
        "sed 's/NAME/by-argocd/; s/v1beta3/v1/' flow-schema.yaml | kubectl apply --server-side --field-manager=argocd -f -",
    )?;
    lab.stop_server(2)?;
    lab.start_server(2)?;
    lab.wait_for_servers(2)?;
    let report = lab.check_api("inspector")?;
    assert_eq!((deprecated(&report), report.code), (Vec::new(), 0), "{:#?}", report.lines());
    Ok(())
}
