//! One login for many signatures: the agent as its user meets it.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test; each writes one kind of environment"
)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use reqwest::redirect::Policy;
use serde_json::Value;
use support::{ALICE, Instance, Ran, Workplace, finish, search_path};
use tempfile::TempDir;
use url::Url;

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");
/// The SHA-256 of `hello` and a line feed.
const DIGEST: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// An instance, and a user whose agent ends with the test.
struct Desk {
    place: Workplace,
    runtime: TempDir,
    instance: Instance,
}

impl Desk {
    fn new() -> Self {
        let place = Workplace::new();
        // A socket's path is short, and the usual folder's may be long.
        let runtime = tempfile::tempdir_in("/tmp").unwrap();
        let instance = Instance::start(&place);
        Self {
            place,
            runtime,
            instance,
        }
    }

    /// The program as this user runs it, with the instance named; nobody is at the terminal.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(["--instance"]);
        command
            .arg(&self.instance.folder)
            .args(args)
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("SIGNHERE_NO_INPUT", "1");
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    fn status(&self) -> Value {
        self.run(&["--json", "agent", "status"]).exits(0).json()
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.runtime.path().join("signhere").join(name)
    }

    fn log_in(&self) {
        self.run(&["agent", "login", "--email", ALICE]).exits(0);
    }

    fn journal(&self) -> String {
        let path = self.place.path(".local/state/signhere/agent.log");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::read_to_string(path).unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.command(&["agent", "stop"]).status();
    }
}

#[test]
fn one_login_and_one_certificate_for_many_processes() {
    let desk = Desk::new();
    assert_eq!(desk.status()["running"], false);
    desk.log_in();
    let signing: Vec<_> = (0..6)
        .map(|_| desk.command(&["agent", "sign", DIGEST]).spawn().unwrap())
        .collect();
    let bundles: Vec<_> = signing
        .into_iter()
        .map(|one| finish(one).exits(0))
        .collect();
    let file = desk.place.write("hello", "hello\n");
    for bundle in &bundles {
        desk.place.write("hello.sigstore.json", &bundle.stdout);
        let verified = desk.command(&[
            "verify",
            "--certificate-identity",
            ALICE,
            "--certificate-oidc-issuer",
        ]);
        let mut verified = verified;
        verified.arg(&desk.instance.issuer).arg(&file);
        finish(verified.spawn().unwrap()).exits(0);
    }
    let status = desk.status();
    let login = &status["logins"][0];
    assert_eq!(login["signatures"], 6);
    assert_eq!(login["certificates"], 1);
    assert_eq!(login["renews"], true);
    assert_eq!(login["identity"], ALICE);
    for name in status
        .as_object()
        .unwrap()
        .keys()
        .chain(status["process"].as_object().unwrap().keys())
    {
        assert!(
            REFERENCE.contains(&format!("`{name}`")) || name == "logins",
            "{name}"
        );
    }
    for name in login.as_object().unwrap().keys() {
        assert!(REFERENCE.contains(&format!("`logins[].{name}`")), "{name}");
    }

    // Nobody else's, and nothing secret.
    let journal = desk.journal();
    assert!(
        journal.contains(&format!(" signed {DIGEST} for process ")),
        "{journal}"
    );
    assert!(!journal.contains("eyJ"), "{journal}");
    let mode = |path: PathBuf| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(desk.runtime.path().join("signhere")), 0o700);
    assert_eq!(mode(desk.socket("agent.sock")), 0o600);
    assert_eq!(mode(desk.socket("forward.sock")), 0o600);

    let out = desk.run(&["--json", "agent", "logout"]).exits(0).json();
    assert_eq!(out["count"], 1);
    let refused = desk.run(&["agent", "sign", DIGEST]).exits(41);
    assert!(refused.stderr.contains("[SH-LOGIN-NEEDED]"), "{refused:?}");
    let stopped = desk.run(&["--json", "agent", "stop"]).exits(0).json();
    assert_eq!(stopped["stopped"], true);
    assert_eq!(desk.status()["running"], false);
}

#[test]
fn the_socket_for_other_machines_signs_and_no_more() {
    let desk = Desk::new();
    desk.log_in();
    let forward = desk.socket("forward.sock");
    // Over there is neither a home nor a configuration, and the instance is not known.
    let there = |args: &[&str]| {
        let mut command = desk.place.command(args);
        command
            .env_remove("HOME")
            .env("SIGNHERE_NO_INPUT", "1")
            .env("SIGNHERE_AGENT_SOCK", &forward);
        finish(command.spawn().unwrap())
    };
    let instance = desk.instance.folder.to_str().unwrap();
    // A digest could be of anything, and a statement about files is for their users.
    let digest = ["--instance", instance, "agent", "sign", DIGEST];
    let refused = there(&digest).exits(41);
    assert!(
        refused.stderr.contains("[SH-AGENT-GIT-ONLY]"),
        "{refused:?}"
    );
    let statement = |digests: Value| {
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "it", "digest": digests}],
            "predicateType": "https://example.org/v1",
            "predicate": {},
        });
        let file = desk.place.write("statement.json", statement.to_string());
        let file = file.to_str().unwrap().to_owned();
        there(&[
            "--instance",
            instance,
            "agent",
            "sign",
            "--statement",
            &file,
        ])
    };
    statement(serde_json::json!({"sha256": DIGEST})).exits(41);
    let of_commit = || statement(serde_json::json!({"gitCommit": "a".repeat(40)}));
    let signed = of_commit().exits(0);
    assert!(signed.stdout.contains("dsseEnvelope"), "{signed:?}");
    let refused = there(&["agent", "logout"]).exits(41);
    assert!(
        refused.stderr.contains("[SH-AGENT-SIGN-ONLY]"),
        "{refused:?}"
    );
    // Nobody is logged in, and nobody can be asked to from there.
    desk.run(&["agent", "logout"]).exits(0);
    let refused = of_commit().exits(41);
    assert!(
        refused
            .stderr
            .contains("on the machine that the socket leads to"),
        "{refused:?}"
    );
    desk.run(&["agent", "stop"]).exits(0);
    let gone = of_commit().exits(41);
    assert!(gone.stderr.contains("[SH-AGENT-GONE]"), "{gone:?}");
}

#[test]
fn files_are_signed_by_an_agent_that_runs() {
    let desk = Desk::new();
    let names: Vec<_> = (0..20).map(|number| format!("file-{number}")).collect();
    for name in &names {
        desk.place.write(name, name);
    }
    let sign = |more: &[&str]| {
        let mut command = desk.command(&["sign"]);
        command.args(more).args(&names);
        finish(command.current_dir(desk.place.path("")).spawn().unwrap())
    };
    // Without an agent a login is needed, and no agent is started for it.
    assert!(sign(&[]).exits(41).stderr.contains("[SH-LOGIN-NEEDED]"));
    assert_eq!(desk.status()["running"], false);

    desk.log_in();
    let signed = sign(&["--json"]).exits(0).json();
    assert_eq!(signed["identity"], ALICE);
    assert_eq!(signed["results"].as_array().unwrap().len(), 20);
    let login = &desk.status()["logins"][0];
    assert_eq!(login["signatures"], 20);
    assert_eq!(login["certificates"], 1);
    let mut verify = desk.command(&[
        "verify",
        "--certificate-identity",
        ALICE,
        "--certificate-oidc-issuer",
    ]);
    verify.arg(&desk.instance.issuer).args(&names);
    finish(verify.current_dir(desk.place.path("")).spawn().unwrap()).exits(0);

    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "it", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://example.org/v1",
        "predicate": {},
    });
    let file = desk.place.write("statement.json", statement.to_string());
    desk.run(&["sign", "--statement", file.to_str().unwrap()])
        .exits(0);
    assert_eq!(desk.status()["logins"][0]["signatures"], 21);
    // Whoever says no is asked to log in, as if there were none.
    assert!(
        sign(&["--no-agent"])
            .exits(41)
            .stderr
            .contains("[SH-LOGIN-NEEDED]")
    );
    assert_eq!(desk.status()["logins"][0]["signatures"], 21);
}

#[test]
fn what_was_open_when_it_started_is_not_kept_open() {
    let desk = Desk::new();
    let like = desk.command(&["agent", "start"]);
    let mut shell = running("sh".as_ref(), &["-c", "exec \"$0\" \"$@\" 9>&1"], &like);
    shell.env("PATH", search_path()).stdout(Stdio::piped());
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || sender.send(shell.output().unwrap()));
    // The pipe ends when nobody has it any more.
    let output = receiver.recv_timeout(std::time::Duration::from_secs(120));
    assert!(output.expect("the agent keeps it open").status.success());
    assert_eq!(desk.status()["running"], true);
}

/// A program with these flags that runs a command, in the command's environment.
fn running(program: &Path, flags: &[&str], like: &Command) -> Command {
    let mut command = Command::new(program);
    command
        .args(flags)
        .arg(like.get_program())
        .args(like.get_args())
        .env_clear()
        .envs(
            like.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    command
}

/// Programs that a desktop has, and that tell what they were asked for.
fn desktop(desk: &Desk, names: &[(&str, &str)]) -> std::ffi::OsString {
    let folder = desk.place.path("bin");
    fs::create_dir(&folder).unwrap();
    for (name, script) in names {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut path = folder.into_os_string();
    path.push(":");
    path.push(search_path());
    path
}

/// `agent sign` without any terminal, but with a desktop; none where there is no `setsid`.
fn sign_at_a_desktop(desk: &Desk, path: &std::ffi::OsStr) -> Option<Command> {
    let setsid = std::env::split_paths(&search_path())
        .map(|folder| folder.join("setsid"))
        .find(|path| path.exists());
    let setsid = setsid?;
    let like = desk.command(&["agent", "sign", DIGEST]);
    let mut command = running(&setsid, &["--wait"], &like);
    command
        .env_remove("SIGNHERE_NO_INPUT")
        .env("DISPLAY", ":7")
        .env("PATH", path)
        .current_dir(desk.place.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(command)
}

#[test]
fn an_editor_without_a_terminal_gets_a_browser_and_then_its_signature() {
    let desk = Desk::new();
    let (asked, told) = (desk.place.path("asked"), desk.place.path("told"));
    assert!(
        Command::new("mkfifo")
            .args([&asked, &told])
            .status()
            .unwrap()
            .success()
    );
    let path = desktop(
        &desk,
        &[
            (
                "xdg-open",
                &format!("printf %s \"$1\" > '{}'", asked.display()),
            ),
            (
                "notify-send",
                &format!("printf %s \"$*\" > '{}'", told.display()),
            ),
        ],
    );
    let Some(mut command) = sign_at_a_desktop(&desk, &path) else {
        println!("skipped: there is no setsid, which takes the terminal away");
        return;
    };
    let child = command.spawn().unwrap();
    let notice = thread::spawn(move || fs::read_to_string(told).unwrap());
    // Reading ends when the browser has said where it was sent.
    let page = Url::parse(&fs::read_to_string(asked).unwrap()).unwrap();
    log_in_at(&page);
    finish(child).exits(0);
    assert!(
        notice
            .join()
            .unwrap()
            .contains("A signature waits for your login")
    );
    assert_eq!(desk.status()["logins"][0]["signatures"], 1);
    // The next one asks nobody.
    desk.run(&["agent", "sign", DIGEST]).exits(0);
}

#[test]
fn a_login_that_nobody_makes_ends_in_time() {
    let desk = Desk::new();
    let path = desktop(&desk, &[("xdg-open", ":"), ("notify-send", ":")]);
    let Some(mut command) = sign_at_a_desktop(&desk, &path) else {
        println!("skipped: there is no setsid, which takes the terminal away");
        return;
    };
    let ran = command.env("SIGNHERE_LOGIN_TIMEOUT", "1").spawn().unwrap();
    let ran = finish(ran).exits(41);
    assert!(
        ran.stderr
            .contains("nobody logged in within 1 seconds [SH-LOGIN-TIMEOUT]"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("signhere agent login, in a terminal"),
        "{ran:?}"
    );
}

#[test]
fn where_nobody_can_be_asked_it_fails_at_once() {
    let desk = Desk::new();
    let refused = desk.run(&["agent", "sign", DIGEST]).exits(41);
    assert!(refused.stderr.contains("[SH-LOGIN-NEEDED]"), "{refused:?}");
    // Nothing was started for it.
    assert_eq!(desk.status()["running"], false);
    let mut off = desk.command(&["agent", "sign", DIGEST]);
    let refused = finish(off.env("SIGNHERE_NO_AGENT", "1").spawn().unwrap()).exits(41);
    assert!(refused.stderr.contains("[SH-LOGIN-NEEDED]"), "{refused:?}");
}

#[test]
fn a_token_that_is_handed_over_needs_no_agent() {
    let desk = Desk::new();
    let token = desk.run(&["token", "--email", ALICE]).exits(0).stdout;
    let mut sign = desk.command(&["agent", "sign", DIGEST]);
    finish(sign.env("SIGSTORE_ID_TOKEN", token.trim()).spawn().unwrap()).exits(0);
    assert_eq!(desk.status()["running"], false);

    let mut other = desk.command(&["agent", "sign", DIGEST, "--identity", "bob@example.com"]);
    let refused = finish(
        other
            .env("SIGSTORE_ID_TOKEN", token.trim())
            .spawn()
            .unwrap(),
    )
    .exits(41);
    assert!(
        refused.stderr.contains("[SH-AGENT-IDENTITY]"),
        "{refused:?}"
    );
}

#[test]
fn the_wrong_person_is_not_kept() {
    let desk = Desk::new();
    let args = [
        "agent",
        "login",
        "--identity",
        "bob@example.com",
        "--email",
        ALICE,
    ];
    let refused = desk.run(&args).exits(41);
    assert!(
        refused.stderr.contains("[SH-AGENT-IDENTITY]"),
        "{refused:?}"
    );
    assert_eq!(desk.status()["logins"].as_array().unwrap().len(), 0);
}

#[test]
fn another_user_is_not_answered() {
    let desk = Desk::new();
    let is_root = desk
        .runtime
        .path()
        .metadata()
        .is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0);
    let has = |name: &str| Command::new(name).arg("--version").output().is_ok();
    if !is_root || !has("setpriv") || !has("perl") {
        println!("skipped: only root, with setpriv and perl, can be somebody else");
        return;
    }
    desk.run(&["agent", "start"]).exits(0);
    // As if every lock on the way were open.
    let open =
        |path: PathBuf, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(desk.runtime.path().to_owned(), 0o755);
    open(desk.runtime.path().join("signhere"), 0o755);
    open(desk.socket("agent.sock"), 0o666);
    let script = r#"use IO::Socket::UNIX; $SIG{PIPE} = "IGNORE"; my $s = IO::Socket::UNIX->new($ARGV[0]) or die "no connection: $!";
        print $s qq({"version":1,"message":{"status":{}}}\n); $s->flush; local $/; print "answer:", <$s>;"#;
    let stranger = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "perl",
            "-e",
            script,
        ])
        .arg(desk.socket("agent.sock"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&stranger.stdout),
        "answer:",
        "{stranger:?}"
    );
    let line = "refused a stranger: the caller is user 65534, not 0";
    assert!(desk.journal().contains(line));
}

/// Does what a person does in the browser.
fn log_in_at(page: &Url) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .redirect(Policy::limited(3))
            .no_proxy()
            .build()
            .unwrap();
        let html = client.get(page.clone()).send().await.unwrap();
        let html = html.text().await.unwrap();
        let (_, rest) = html.split_once("name=\"login\" value=\"").unwrap();
        let login = rest.split_once('"').unwrap().0;
        let origin = page.origin().ascii_serialization();
        let form = [("login", login), ("email", ALICE)];
        let answer = client.post(page.join("/oidc/auth").unwrap());
        let answer = answer.header("origin", origin).form(&form).send().await;
        assert!(answer.unwrap().status().is_success());
    });
}

#[test]
fn statements_are_signed_by_the_agent_too() {
    let desk = Desk::new();
    desk.log_in();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "hello", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://example.org/v1",
        "predicate": {"long": "x".repeat(1000)},
    });
    let file = desk.place.write("statement.json", statement.to_string());
    let file = file.to_str().unwrap();
    let signed = desk.run(&["agent", "sign", "--statement", file]).exits(0);
    assert!(signed.stdout.contains("dsseEnvelope"), "{signed:?}");
    assert_eq!(desk.status()["logins"][0]["signatures"], 1);

    // What is too long for the agent needs a login of its own, and nobody can be asked.
    let mut long = statement;
    long["predicate"]["long"] = "x".repeat(100_000).into();
    desk.place.write("statement.json", long.to_string());
    let refused = desk.run(&["agent", "sign", "--statement", file]).exits(41);
    assert!(refused.stderr.contains("[SH-LOGIN-NEEDED]"), "{refused:?}");
    let token = desk.run(&["token", "--email", ALICE]).exits(0).stdout;
    let mut sign = desk.command(&["agent", "sign", "--statement", file]);
    let sign = sign.env("SIGSTORE_ID_TOKEN", token.trim());
    finish(sign.spawn().unwrap()).exits(0);
}
