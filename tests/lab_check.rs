//! `kubelift check` on a real API server: the verdicts that objects deserve, before and after each is mended.

#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use anyhow::{Context, Result, ensure};
use lab::{Lab, Options};
use program::Report;

/// What serves the APIs that are off by default, as a kube-apiserver takes it.
const EARLY_APIS: [&str; 2] =
    ["--runtime-config=resource.k8s.io/v1alpha2=true", "--feature-gates=DynamicResourceAllocation=true"];

/// One thing to mend.
struct Case {
    /// What brings it about: lines for [`Lab::shell`]. What sick.yaml has needs none.
    sicken: &'static str,
    /// The findings that it deserves, as [`program::Finding::line`] has them, sorted.
    found: &'static [&'static str],
    /// What mends it.
    mend: Mend,
    /// The findings that are there instead.
    leaves: &'static [&'static str],
}

enum Mend {
    /// Lines for [`Lab::shell`].
    Shell(&'static str),
    /// The commands that the finding with this line itself gives.
    Remedy(&'static str),
    /// The API server is started again, with no flags of its own.
    Restart,
}

impl Default for Case {
    fn default() -> Self {
        Self { sicken: "", found: &[], mend: Mend::Restart, leaves: &[] }
    }
}

/// What every script begins with: the status of a pod that runs.
const RUNNING: &str =
    r#"running='{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}'"#;

/// Every case, in an order in which each can be mended for itself. The server is 1.30.14, the target 1.31.
#[expect(clippy::too_many_lines, reason = "a table: each case, and what mends it")]
fn cases() -> Vec<Case> {
    vec![
        // What the servers of 1.31 do not start with.
        Case {
            sicken: r#"
                pod=$(kubectl -n kube-system get pod kube-apiserver-cp1 -o json |
                  jq '.spec.containers[0].command += ["--runtime-config=resource.k8s.io/v1alpha2=true"]')
                kubectl -n kube-system delete pod kube-apiserver-cp1 --force --grace-period=0
                kubectl create -f - <<<"$pod"
                kubectl -n kube-system patch pod kube-apiserver-cp1 --subresource=status -p "$running""#,
            found: &["blocker RuntimeConfigNamesGoneApi kube-system/Pod/kube-apiserver-cp1"],
            mend: Mend::Shell(
                r#"
                kubectl -n kube-system delete pod kube-apiserver-cp1 --force --grace-period=0
                kubectl apply -f pods.yaml -l component=kube-apiserver
                kubectl -n kube-system patch pod kube-apiserver-cp1 --subresource=status -p "$running""#,
            ),
            ..Case::default()
        },
        // AppArmor. The annotation is no obstacle; the value that is refused is one, as long as pods run.
        Case {
            found: &["warning AppArmorAnnotation shop/Deployment/annotated"],
            mend: Mend::Remedy("warning AppArmorAnnotation shop/Deployment/annotated"),
            ..Case::default()
        },
        Case {
            found: &["warning AppArmorAnnotation shop/CronJob/nightly"],
            mend: Mend::Remedy("warning AppArmorAnnotation shop/CronJob/nightly"),
            ..Case::default()
        },
        Case {
            found: &[
                "blocker AppArmorValue shop/Deployment/nameless",
                "warning AppArmorAnnotation shop/Deployment/nameless",
            ],
            mend: Mend::Shell(
                "kubectl -n shop patch deployment nameless --type=json -p '[{\"op\": \"remove\", \"path\":
                   \"/spec/template/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1web\"}]'",
            ),
            ..Case::default()
        },
        // Versions and skew.
        Case {
            sicken: "kubectl patch node w1 --subresource=status -p '{\"status\": {\"nodeInfo\": {\"kubeletVersion\": \"v1.27.16\"}}}'",
            found: &["blocker KubeletTooOld Node/w1"],
            mend: Mend::Shell(
                "kubectl patch node w1 --subresource=status -p '{\"status\": {\"nodeInfo\": {\"kubeletVersion\": \"v1.30.14\"}}}'",
            ),
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system delete configmap kubeadm-config",
            found: &[
                "blocker KubeadmConfigMissing kube-system/ConfigMap/kubeadm-config",
                "unknown EtcdConfigUnread kube-system/ConfigMap/kubeadm-config",
            ],
            mend: Mend::Shell(r"awk -v RS='---\n' '/name: kubeadm-config,/' cluster.yaml | kubectl apply -f -"),
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system set image deployment coredns coredns=registry.k8s.io/coredns/coredns:v1.12.1",
            found: &["blocker CoreDnsStopsKubeadm kube-system/Deployment/coredns"],
            mend: Mend::Shell(
                "kubectl -n kube-system set image deployment coredns coredns=registry.k8s.io/coredns/coredns:v1.11.3",
            ),
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system set image pod kube-proxy-w2 kube-proxy=registry.k8s.io/kube-proxy:v1.27.16",
            found: &["warning KubeProxySkew kube-system/DaemonSet/kube-proxy"],
            mend: Mend::Shell(
                "kubectl -n kube-system set image pod kube-proxy-w2 kube-proxy=registry.k8s.io/kube-proxy:v1.30.14",
            ),
            ..Case::default()
        },
        // Nodes and control plane.
        Case {
            sicken: "kubectl patch node cp1 --subresource=status -p '{\"status\": {\"conditions\": [{\"type\": \"DiskPressure\", \"status\": \"True\"}]}}'",
            found: &["blocker NodePressure Node/cp1"],
            mend: Mend::Shell(
                "kubectl patch node cp1 --subresource=status -p '{\"status\": {\"conditions\": [{\"type\": \"DiskPressure\", \"status\": \"False\"}]}}'",
            ),
            ..Case::default()
        },
        Case {
            sicken: "kubectl cordon w2",
            found: &["notice NodeCordoned Node/w2"],
            mend: Mend::Shell("kubectl uncordon w2"),
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system patch pod kube-scheduler-cp1 --subresource=status -p '{\"status\": {\"phase\": \"Pending\"}}'",
            found: &["blocker StaticPodNotRunning kube-system/Pod/kube-scheduler-cp1"],
            mend: Mend::Shell(
                "kubectl -n kube-system patch pod kube-scheduler-cp1 --subresource=status -p '{\"status\": {\"phase\": \"Running\"}}'",
            ),
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system patch lease kube-controller-manager -p \
                 \"{\\\"spec\\\": {\\\"leaseDurationSeconds\\\": 15, \\\"renewTime\\\": \\\"$(date -u -d '-10 min' +%FT%T.000000Z)\\\"}}\"",
            found: &["blocker LeaseNotHeld kube-system/Lease/kube-controller-manager"],
            mend: Mend::Shell(
                "kubectl -n kube-system patch lease kube-controller-manager -p '{\"spec\": {\"leaseDurationSeconds\": 3600}}'",
            ),
            ..Case::default()
        },
        // Storage.
        Case {
            found: &["blocker InTreeVolume PersistentVolume/photos"],
            mend: Mend::Shell("kubectl delete pv photos --wait=false; kubectl patch pv photos -p '{\"metadata\": {\"finalizers\": null}}' || true"),
            ..Case::default()
        },
        Case {
            found: &["blocker InTreeVolume PersistentVolume/ledger"],
            mend: Mend::Shell("kubectl patch pv ledger --subresource=status -p '{\"status\": {\"phase\": \"Released\"}}'"),
            leaves: &["warning InTreeVolume PersistentVolume/ledger"],
            ..Case::default()
        },
        Case {
            found: &["blocker CsiDriverNowhere CSIDriver/nfs.csi.k8s.io"],
            mend: Mend::Shell(
                "kubectl patch csinode w1 --type=json -p '[{\"op\": \"add\", \"path\": \"/spec/drivers/-\",
                   \"value\": {\"name\": \"nfs.csi.k8s.io\", \"nodeID\": \"w1\", \"topologyKeys\": []}}]'",
            ),
            leaves: &["warning CsiDriverObjectMissing CSIDriver/nfs.csi.k8s.io"],
            ..Case::default()
        },
        Case {
            sicken: "kubectl -n kube-system set image pod csi-rbdplugin-w2 csi-rbdplugin=quay.io/cephcsi/cephcsi:v3.11.0",
            found: &["warning CsiVersionsDisagree CSIDriver/rbd.csi.ceph.com"],
            mend: Mend::Shell(
                "kubectl -n kube-system set image pod csi-rbdplugin-w2 csi-rbdplugin=quay.io/cephcsi/cephcsi:v3.12.0",
            ),
            ..Case::default()
        },
        Case {
            sicken: "kubectl delete csinode w2",
            found: &["warning CsiNotRegistered CSIDriver/rbd.csi.ceph.com"],
            mend: Mend::Shell(r"awk -v RS='---\n' '/kind: CSINode\nmetadata: .name: w2/' cluster.yaml | kubectl apply -f -"),
            ..Case::default()
        },
        // Deprecated APIs. Who applies is seen by its newest write; who updates leaves both.
        Case {
            sicken: "sed s/NAME/by-argocd/ flow-schema.yaml | kubectl apply --server-side --field-manager=argocd -f -",
            found: &["warning DeprecatedApiWritten FlowSchema/by-argocd"],
            mend: Mend::Shell(
                "sed 's/NAME/by-argocd/; s/v1beta3/v1/' flow-schema.yaml | kubectl apply --server-side --field-manager=argocd -f -",
            ),
            ..Case::default()
        },
        Case {
            sicken: "sed s/NAME/by-helm/ flow-schema.yaml | kubectl create --field-manager=helm -f -",
            found: &["warning DeprecatedApiWritten FlowSchema/by-helm"],
            mend: Mend::Shell(
                "sed 's/NAME/by-helm/; s/v1beta3/v1/; s/9000/9003/' flow-schema.yaml | kubectl replace --field-manager=helm -f -",
            ),
            leaves: &["notice DeprecatedApiWrittenBefore FlowSchema/by-helm"],
        },
        Case {
            found: &["blocker ApiObjectMustGo ResourceClass/gpu"],
            mend: Mend::Remedy("blocker ApiObjectMustGo ResourceClass/gpu"),
            ..Case::default()
        },
        // The writes above were calls: a server keeps them until it starts again.
        Case {
            found: &["warning DeprecatedApiCalled FlowSchema"],
            mend: Mend::Restart,
            ..Case::default()
        },
    ]
}

fn sorted<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The lines of a report, but for what `--scope api` left out: that depends on who else asks for it.
fn lines(report: &Report) -> Vec<String> {
    report.lines().into_iter().filter(|line| line != "notice OutOfScope Cluster").collect()
}

/// The remedy's commands of the finding with a line.
fn remedy(report: &Report, line: &str) -> Result<String> {
    let finding = report.findings.iter().find(|finding| finding.line() == line).context(line.to_owned())?;
    let commands = finding.remedy.as_ref().and_then(|remedy| remedy["commands"].as_array());
    let commands: Vec<&str> = commands.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    ensure!(!commands.is_empty(), "{line} has no command");
    Ok(commands.join("\n"))
}

#[test]
#[ignore = "lab"]
fn each_verdict_is_there_before_its_object_is_mended_and_not_after() -> Result<()> {
    let lab = Lab::up(&Options { flags: EARLY_APIS.map(str::to_owned).to_vec(), ..Options::default() })?;
    kubeadm::make(&lab)?;
    let healthy = lab.check_api("inspector")?;
    let only_notices = |report: &Report| report.lines().iter().all(|line| line.starts_with("notice "));
    assert!(only_notices(&healthy), "{:#?}", healthy.lines());
    assert!(
        healthy.of_code("OutOfScope").len() > 1,
        "what --scope api leaves out is said: {:#?}",
        healthy.lines()
    );
    assert_eq!((healthy.code, healthy.verdict.as_str()), (0, "ready"));

    let cases = cases();
    lab.shell("kubectl apply -f sick.yaml")?;
    kubeadm::run_pods(&lab, "sick-pods.yaml")?;
    let sickening: Vec<&str> = [RUNNING].into_iter().chain(cases.iter().map(|case| case.sicken)).collect();
    lab.shell(&sickening.join("\n"))?;
    let mut expected = lines(&healthy);
    expected.extend(cases.iter().flat_map(|case| sorted(case.found.iter().copied())));
    expected.sort();
    let mut report = lab.check_api("inspector")?;
    assert_eq!(lines(&report), expected, "{:#?}", report.findings);
    assert_eq!((report.code, report.verdict.as_str()), (3, "blocked"));
    targets(&lab, &report)?;

    for case in &cases {
        let script = match case.mend {
            Mend::Shell(script) => script.to_owned(),
            Mend::Remedy(line) => remedy(&report, line)?,
            Mend::Restart => {
                lab.set_server_flags(&[])?;
                lab.stop_server(1)?;
                lab.start_server(1)?;
                String::new()
            }
        };
        lab.shell(&format!("{RUNNING}\n{script}"))?;
        report = lab.check_api("inspector")?;
        expected.retain(|line| !case.found.contains(&line.as_str()));
        expected.extend(sorted(case.leaves.iter().copied()));
        expected.sort();
        assert_eq!(lines(&report), expected, "after:\n{script}");
        let blocked = expected.iter().any(|line| line.starts_with("blocker "));
        assert_eq!(report.code, if blocked { 3 } else { 0 }, "after:\n{script}");
    }
    assert_eq!((report.code, report.verdict.as_str()), (0, "ready"));
    Ok(())
}

/// The same objects judged for other targets, and targets that cannot be.
fn targets(lab: &Lab, next_minor: &Report) -> Result<()> {
    assert_eq!(
        (next_minor.from.as_deref(), next_minor.target.as_deref()),
        (Some("1.30.14"), Some("1.31.14"))
    );
    let patch = lab.check("inspector", &["--scope", "api", "--target", "1.30.14"])?;
    let hops = lab.check("inspector", &["--scope", "api", "--target", "1.32"])?;
    let without = |report: &Report, other: &Report| -> Vec<String> {
        lines(report).into_iter().filter(|line| !lines(other).contains(line)).collect()
    };
    // What only the next minor takes away weighs less in an upgrade that stays below it.
    assert_eq!(
        without(&patch, next_minor),
        [
            "warning ApiObjectMustGo ResourceClass/gpu",
            "warning InTreeVolume PersistentVolume/ledger",
            "warning InTreeVolume PersistentVolume/photos",
            "warning RuntimeConfigNamesGoneApi kube-system/Pod/kube-apiserver-cp1",
        ]
    );
    // A kubelet of 1.27 may still serve 1.30.
    assert!(without(next_minor, &patch).contains(&"blocker KubeletTooOld Node/w1".to_owned()));
    // Blockers are those of the first hop: a second one adds only that there is one.
    assert_eq!(
        (without(&hops, next_minor), without(next_minor, &hops)),
        (vec!["notice Route Cluster".to_owned()], vec![])
    );
    let kubeconfig = lab.kubeconfig("inspector");
    let kubeconfig = kubeconfig.to_str().context("a path in UTF-8")?;
    for (target, says) in [("1.29", "below"), ("1.30.13", "below"), ("1.99", "beyond")] {
        let said = lab.kubelift(&["check", "--kubeconfig", kubeconfig, "--target", target])?;
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{target}: {}", said.stderr);
        assert!(said.stderr.contains(says), "{target}: {}", said.stderr);
    }
    Ok(())
}

#[test]
#[ignore = "lab"]
fn machines_decide_where_a_profile_can_be_applied() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    kubeadm::make(&lab)?;
    lab.shell("kubectl apply -f profiles.yaml")?;
    kubeadm::run_pods(&lab, "profiles-pods.yaml")?;
    let facts = kubeadm::node_facts()?;
    let backups = kubeadm::fixture("etcd");
    let (folder, backups) =
        (facts.path().to_str().context("a path in UTF-8")?, backups.to_str().context("a path in UTF-8")?);
    let check = || lab.check("inspector", &["--node-facts", folder, "--backups", backups]);
    let of_pane = |report: &Report, pane: &str| -> Vec<String> {
        let of_pane = report.findings.iter().filter(|finding| finding.check == pane);
        sorted(
            of_pane
                .filter(|finding| finding.severity != "pass")
                .map(|f| f.line())
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str),
        )
    };

    // The machine of w2 has no AppArmor, cp1 takes no ordinary pods: what runs on w1 has no other place.
    let report = check()?;
    assert_eq!(
        of_pane(&report, "apparmor"),
        ["blocker AppArmorOff shop/Deployment/web", "warning AppArmorProfileMissing shop/Deployment/stray"]
    );
    assert_eq!(report.code, 3);
    // Where cp1 takes it, there is a place, though not everywhere.
    lab.shell(
        r#"kubectl -n shop patch deployment web -p '{"spec": {"template": {"spec": {"tolerations":
             [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}}}}'"#,
    )?;
    assert_eq!(
        of_pane(&check()?, "apparmor"),
        ["warning AppArmorOff shop/Deployment/web", "warning AppArmorProfileMissing shop/Deployment/stray"]
    );
    // Kept away from w2, and with a profile that is loaded.
    lab.shell(
        r#"kubectl -n shop patch deployment web -p '{"spec": {"template": {"spec": {"affinity": {"nodeAffinity":
             {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions":
               [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["w2"]}]}]}}}}}}}'
           kubectl -n shop patch deployment stray -p '{"spec": {"template": {"spec": {"containers": [{"name": "web",
             "securityContext": {"appArmorProfile": {"localhostProfile": "k8s-web"}}}]}}}}'"#,
    )?;
    let report = check()?;
    assert_eq!(of_pane(&report, "apparmor"), [""; 0], "{:#?}", report.lines());
    assert_eq!((report.code, report.verdict.as_str()), (0, "ready"), "{:#?}", report.lines());

    // A machine that was booted since says nothing of itself, and its file belongs to nobody.
    lab.kubectl_status("", "nodes/w1", r#"{"status": {"nodeInfo": {"bootID": "another"}}}"#)?;
    let report = check()?;
    assert_eq!(
        of_pane(&report, "apparmor"),
        ["unknown AppArmorFactsUnread Node/w1"],
        "{:#?}",
        report.lines()
    );
    let unread = |of: &str| report.unread.iter().any(|unread| unread.of.as_deref() == Some(of));
    assert!(unread("w1") && unread("w1.json") && !unread("w2"), "{:#?}", report.unread);
    Ok(())
}
