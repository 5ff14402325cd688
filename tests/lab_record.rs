//! A recording of a real server, judged again when the server is gone; and what is not in it.

#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lab::{Lab, Options};
use program::{Said, kubelift_offline, payloads, without_times};
use serde_json::Value;

/// What is hidden in the cluster, where people hide such things. None of it may be in a recording.
const SECRETS: &[&str] = &[
    "Hush-annotation-1",
    "Hush-last-applied-2",
    "Hush-extra-arg-3",
    "Hush-named-arg-4",
    "abcdef.0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "Hush-environment-5",
    "Hush-flag-6",
    "Hush-argument-7",
    "SHVzaC1rZXktOA",
    "eyJhbGciOiJIdXNoLTkifQ",
    "Hush-corefile-10",
    "Hush-proxy-password-11",
];

const HIDE: &str = r#"
kubectl apply -f - <<'END'
apiVersion: v1
kind: Pod
metadata: {name: talkative, namespace: shop, annotations: {example.com/token: Hush-annotation-1}}
spec:
  nodeName: w1
  containers:
  - name: web
    image: registry.example/web:1
    command: [web, --token=Hush-flag-6]
    args: [--password, Hush-argument-7]
    env: [{name: DB_PASSWORD, value: Hush-environment-5}]
---
apiVersion: flowcontrol.apiserver.k8s.io/v1beta3
kind: FlowSchema
metadata: {name: talkative, annotations: {example.com/note: Hush-last-applied-2}}
spec: {priorityLevelConfiguration: {name: catch-all}, matchingPrecedence: 9000, distinguisherMethod: {type: ByUser}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    clusterName: lab
    kubernetesVersion: v1.30.14
    certificateKey: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    bootstrapTokens: [{token: abcdef.0123456789abcdef}]
    apiServer:
      extraArgs:
      - {name: oidc-client-secret, value: Hush-extra-arg-3}
      - name: audit-webhook-token
        value: Hush-named-arg-4
      extraEnvs:
      - name: HTTPS_PROXY
        value: http://kubelift:Hush-proxy-password-11@proxy.example:3128
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: "mode: iptables\n"
  kubeconfig.conf: |
    users:
    - name: default
      user:
        token: eyJhbGciOiJIdXNoLTkifQ.eyJzdWIiOiJ4In0.c2lnbmF0dXJl
        client-key-data: |
          -----BEGIN EC PRIVATE KEY-----
          SHVzaC1rZXktOA
          -----END EC PRIVATE KEY-----
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    example.org {
        route53 example.org.:Z1Z2 {
            aws_access_key AKIAEXAMPLE Hush-corefile-10
        }
    }
END
"#;

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// `check -o json` of a recording, where there is no cluster.
fn check(folder: &Path, recording: &Path, arguments: &[&str]) -> Result<Said> {
    let mut all = vec!["check", "-o", "json", "--recording", path(recording)?];
    all.extend(arguments);
    kubelift_offline(folder, &all)
}

#[test]
#[ignore = "lab"]
fn a_recording_says_the_same_when_the_server_is_gone_and_holds_no_secret() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    kubeadm::make(&lab)?;
    lab.shell(HIDE)?;
    let folder = tempfile::tempdir()?;
    let facts = kubeadm::node_facts()?;
    let backups = kubeadm::fixture("etcd");
    let file = folder.path().join("lab.recording");
    let kubeconfig = lab.kubeconfig("inspector");
    let sources = ["--node-facts", path(facts.path())?, "--backups", path(&backups)?];
    let mut arguments = vec!["record", "--once", "--kubeconfig", path(&kubeconfig)?, path(&file)?];
    arguments.extend(sources);
    let said = lab.kubelift(&arguments)?;
    ensure!(said.code == 0, "{}", said.stderr);
    let live = lab.check_raw("inspector", &sources)?;
    lab.kill_server(1)?;

    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let recorded = std::fs::read_to_string(&file)?;
    let unpacked = format!("{:?}", payloads(&file)?);
    assert!(unpacked.contains("talkative"), "the pod itself is in it");
    let leaked: Vec<&&str> = SECRETS.iter().filter(|secret| unpacked.contains(**secret)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");

    let twice = [check(folder.path(), &file, &[])?, check(folder.path(), &file, &[])?];
    assert_eq!(twice[0].stdout, twice[1].stdout);
    let (state, said) = without_recording(&twice[0])?;
    assert_eq!(state, "whole");
    assert_eq!((twice[0].code, said), (live.code, without_times(&live.stdout)?));
    assert_eq!(twice[0].stderr, "");
    let found = twice[0].report()?;
    assert!(found.lines().contains(&"warning DeprecatedApiWritten FlowSchema/talkative".to_owned()));
    let other = check(folder.path(), &file, &["--target", "1.32"])?.report()?;
    assert_ne!(other.lines(), found.lines());
    assert_eq!(check(folder.path(), &file, &["--target", "1.29"])?.code, 2);

    cut_and_changed(folder.path(), &file, &recorded)
}

/// How a report calls the recording that it is on, and the rest of it without its times.
fn without_recording(said: &Said) -> Result<(String, Value)> {
    let mut report = without_times(&said.stdout)?;
    let recording = report.as_object_mut().and_then(|report| report.remove("recording"));
    let recording = recording.context("which recording it is on")?;
    let state = recording.get("state").and_then(Value::as_str).context("its state")?;
    Ok((state.to_owned(), report))
}

/// A recording without its end, and one with another byte.
fn cut_and_changed(folder: &Path, file: &Path, recorded: &str) -> Result<()> {
    let whole = check(folder, file, &[])?;
    let broken = folder.join("broken.recording");
    let end = recorded.trim_end().rfind('\n').context("several lines")?;
    for (what, content) in
        [("cut", recorded[..=end].to_owned()), ("changed", recorded.replace("\"close\"", "\"closed\""))]
    {
        std::fs::write(&broken, content)?;
        let said = check(folder, &broken, &[])?;
        let (state, judged) = without_recording(&said)?;
        assert_eq!(state, what);
        assert_eq!(judged, without_recording(&whole)?.1, "the evidence itself holds");
        assert!(said.stderr.to_lowercase().contains(what), "{what}: {}", said.stderr);
    }
    // Where the evidence was changed, there is none to judge.
    std::fs::write(&broken, recorded.replacen("\"packed\":\"H", "\"packed\":\"h", 1))?;
    let said = check(folder, &broken, &[])?;
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.stderr);
    assert!(said.stderr.to_lowercase().contains("changed"), "{}", said.stderr);
    Ok(())
}
