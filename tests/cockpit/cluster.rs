//! The screens on a real API server that goes away and comes back.

use anyhow::Result;

use crate::lab::{Lab, Options};
use crate::screens::open;
use crate::terminal::{Screen, Terminal};
use crate::{ended, enter};

const NODE: &str = "apiVersion: v1
kind: Node
metadata: {name: w1, labels: {kubernetes.io/hostname: w1}}
status:
  nodeInfo: {kubeletVersion: v1.30.4, kubeProxyVersion: v1.30.4, containerRuntimeVersion: 'containerd://1.7.12',
    kernelVersion: 6.1.0, osImage: Debian, operatingSystem: linux, architecture: amd64, bootID: a, machineID: a,
    systemUUID: a}
  conditions: [{type: Ready, status: 'True', reason: KubeletReady, message: ok}]
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: late, namespace: default}
spec:
  selector: {matchLabels: {app: late}}
  template:
    metadata:
      labels: {app: late}
      annotations: {container.apparmor.security.beta.kubernetes.io/app: runtime/default}
    spec: {containers: [{name: app, image: app}]}
";

#[test]
#[ignore = "lab, tmux"]
fn an_inspection_keeps_what_it_has_while_the_server_is_gone_and_takes_up_again() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    lab.kubectl_apply(NODE)?;
    let kubeconfig = lab.kubeconfig("inspector");
    let terminal = Terminal::open_by(80, 24, lab.command("tmux"))?;
    enter(&terminal, &format!("kubelift --kubeconfig '{}'", kubeconfig.display()))?;
    let ready = terminal.wait_for("the lab's verdict", |screen| {
        screen.shows("Ready for 1.31.") && screen.shows("1 of 1 ready") && screen.shows(" s ago")
    })?;
    assert!(ready.lines[0].contains("10.88.0.11:6443"), "{ready}");
    assert!(ready.lines[0].ends_with("INSPECT · nothing can be changed"), "{ready}");

    // What comes or changes is shown without being asked for.
    open(&terminal, "apparmor")?;
    terminal.see("nobody asks for AppArmor")?;
    lab.kubectl_apply(DEPLOYMENT)?;
    terminal.see("default/Deployment/late")?;
    open(&terminal, "nodes")?;
    lab.kubectl(["cordon", "w1"])?;
    terminal.see("it is cordoned already")?;

    lab.stop_server(1)?;
    let gone = terminal.see("API gone since ")?;
    assert!(gone.shows("it is cordoned already"), "{gone}");
    terminal.write(":readiness")?;
    terminal.press(["Enter"])?;
    let gone = terminal.see("Ready for 1.31.")?;
    assert!(gone.shows("1 of 1 ready") && gone.shows("API gone since "), "{gone}");
    terminal.see("NOT KNOWN")?;

    lab.start_server(1)?;
    let back = terminal.see_no_more("API gone since ")?;
    assert!(back.lines[1].starts_with(" 1.30."), "{back}");
    open(&terminal, "nodes")?;
    lab.kubectl(["uncordon", "w1"])?;
    terminal.see_no_more("it is cordoned already")?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;

    // It watched: each list was asked for no more often than a server came.
    let requests = lab.requests_of("inspector")?;
    assert!(requests.iter().all(crate::lab::AuditEvent::is_plain_read), "{requests:?}");
    let lists = requests.iter().filter(|request| {
        request.verb == "list" && request.request_uri.starts_with("/apis/apps/v1/deployments")
    });
    assert!((1..=2).contains(&lists.count()), "{requests:?}");
    Ok(())
}

#[test]
#[ignore = "lab, tmux"]
fn a_session_may_begin_before_the_server_is_there() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    let kubeconfig = lab.kubeconfig("inspector");
    lab.stop_server(1)?;
    let terminal = Terminal::open_by(80, 24, lab.command("tmux"))?;
    enter(&terminal, &format!("kubelift --kubeconfig '{}'", kubeconfig.display()))?;
    let gone = terminal.see("API gone since ")?;
    assert!(gone.shows("NOT KNOWN") && gone.lines[1].starts_with(" no target"), "{gone}");
    // Never read is never "ok".
    assert!(!gone.lines.iter().any(|line| line.contains("  ok ")), "{gone}");

    terminal.press(["u"])?;
    let given_up = |screen: &Screen| {
        screen.lines.iter().any(|line| line.contains("of kubeadm-config") && line.contains("unreachable"))
    };
    terminal.wait_for("a ConfigMap that is given up", given_up)?;

    lab.start_server(1)?;
    terminal.see(" s ago")?;
    // What nobody answered then is asked again, and soon.
    terminal.see_no_more("unreachable")?;
    terminal.press(["Escape"])?;
    terminal.see("Ready for 1.31.")?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}
