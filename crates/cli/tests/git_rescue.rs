//! Entries that were never embedded, asked of a log that may do anything, and used offline from then on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;

use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{Forge, IDENTITY, ISSUER, RootVersion};
use signhere_testkit::git::GitRepository;
use signhere_testkit::rekor::{Answer, ENTRIES, INDEX, SearchedLog};
use support::{Ran, Workplace, finish, is_documented};

/// A repository with commits of gitsign's online mode, the log that has their entries, and who is trusted.
struct World {
    place: Workplace,
    folder: GitRepository,
    forge: Forge,
    root: PathBuf,
    trust: PathBuf,
    log: SearchedLog,
    /// Serves the log.
    _runtime: tokio::runtime::Runtime,
}

impl World {
    /// So many commits, of which the log has those that `is_logged`.
    fn new(commits: usize, is_logged: impl Fn(usize) -> bool) -> Self {
        let place = Workplace::new();
        let forge = Forge::new();
        let root = forge.trusted_root(RootVersion::V0_1).to_string();
        let root = place.write("root.json", root);
        let ada = format!("[signers.ada]\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\n");
        let trust = place.write("trust.toml", ada);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let this = Self {
            log: runtime.block_on(SearchedLog::start()),
            folder: GitRepository::new(),
            place,
            forge,
            root,
            trust,
            _runtime: runtime,
        };
        let tree = this.folder.git(&["mktree"]);
        let mut parent = String::new();
        for number in 0..commits {
            let payload = format!(
                "tree {tree}\n{parent}author Ada <ada@example.test> 1780315200 +0000\ncommitter Ada <ada@example.test> 1780315200 +0000\n\n{number}\n"
            );
            let signed = this.forge.signed_commit(payload.as_bytes());
            let id = this.folder.store("commit", &signed.object);
            if is_logged(number) {
                this.log.take(this.forge.logged(&signed, id.as_bytes()));
            }
            this.folder.git(&["update-ref", "refs/heads/main", &id]);
            parent = format!("parent {id}\n");
        }
        this
    }

    fn command(&self, flags: &[&str], arguments: &[&str]) -> Command {
        let mut command = self.place.command(flags);
        command.arg("git").args(arguments);
        command.arg("--trusted-root").arg(&self.root);
        command.current_dir(self.folder.path());
        command
    }

    fn rescue_command(&self, flags: &[&str]) -> Command {
        let log = self.log.url.as_str();
        let arguments = ["rescue", "--all", "--rate", "100", "--log", log];
        self.command(flags, &arguments)
    }

    fn rescue(&self) -> Ran {
        finish(self.rescue_command(&["--json"]).spawn().unwrap())
    }

    fn verify(&self, revision: &str) -> Ran {
        let trust = self.trust.to_str().unwrap();
        let arguments = ["verify", "--no-cache", revision, "--trust", trust];
        finish(self.command(&["--offline"], &arguments).spawn().unwrap())
    }
}

#[test]
fn what_the_log_has_is_rescued_once_and_used_offline() {
    let world = World::new(3, |number| number != 1);
    world.verify("HEAD").exits(31);
    let rescued = world.rescue().exits(50).json();
    is_documented(&rescued);
    assert_eq!(rescued["rescued"].as_array().unwrap().len(), 2);
    assert_eq!(rescued["missing"][0]["error"]["code"], "SH-GIT-RESCUE-NONE");
    world.verify("HEAD").exits(0);
    world.verify("HEAD~1").exits(31);
    world.verify("HEAD~2").exits(0);

    // Again asks for the rest alone, and changes nothing.
    let tip = || world.folder.git(&["rev-parse", "refs/notes/signhere"]);
    let before = tip();
    let again = world.rescue().exits(50).json();
    assert_eq!(
        (&again["already"], &again["rescued"]),
        (&2.into(), &json!([]))
    );
    assert_eq!(tip(), before);
    // The log's note of one commit proves nothing about another.
    let note = world
        .folder
        .git(&["notes", "--ref=signhere", "list", "HEAD"]);
    let copy = ["notes", "--ref=signhere", "add", "-C", &note, "HEAD~1"];
    world.folder.git(&copy);
    world.verify("HEAD~1").exits(31);
    // A log that is gone is told apart from one that knows nothing.
    world
        .log
        .behave(|_, _| Answer::With(503, vec![("retry-after", "3600".to_owned())], vec![]));
    let gone = world.rescue().exits(40).json();
    assert_eq!(gone["missing"][0]["error"]["exitCode"], 40);
}

#[test]
fn a_log_that_answers_something_else_is_told_and_left_alone() {
    type Behaviour = fn(&str, &Value) -> Answer;
    let page = |_: &str, _: &Value| Answer::With(200, vec![], b"<html>moved</html>".to_vec());
    let gone = |_: &str, _: &Value| Answer::With(404, vec![], b"no such page".to_vec());
    let elsewhere = |_: &str, _: &Value| {
        let location = "http://127.0.0.1:1/".to_owned();
        Answer::With(307, vec![("location", location)], vec![])
    };
    let busy = |_: &str, _: &Value| {
        let headers = vec![("retry-after", "3600".to_owned())];
        Answer::With(429, headers, b"slow down".to_vec())
    };
    let endless = |_: &str, _: &Value| Answer::With(200, vec![], vec![b' '; 1 << 20]);
    let cases: [(Behaviour, &str, &str); 5] = [
        (page, "SH-SERVICE", "it is a web page, and not JSON"),
        (gone, "SH-SERVICE-REFUSED", "status 404: no such page"),
        (
            elsewhere,
            "SH-SERVICE",
            "redirects to http://127.0.0.1:1/, which is not followed",
        ),
        (busy, "SH-SERVICE-DOWN", "status 429: slow down"),
        (endless, "SH-SERVICE", "answer longer than 262144 bytes"),
    ];
    let world = World::new(9, |_| true);
    for (behaviour, code, words) in cases {
        world.log.behave(behaviour);
        let rescued = world.rescue().exits(40).json();
        let missing = rescued["missing"].as_array().unwrap();
        let (unasked, asked): (Vec<_>, Vec<_>) = missing
            .iter()
            .map(|one| &one["error"])
            .partition(|error| error["code"] == "SH-GIT-RESCUE-NOT-ASKED");
        assert!((3..=4).contains(&asked.len()), "{rescued}");
        assert_eq!(asked.len() + unasked.len(), 9);
        for error in asked {
            assert_eq!(error["code"], code, "{error}");
            assert!(
                error["message"].as_str().unwrap().contains(words),
                "{error}"
            );
        }
    }
    // For a person, those that were not asked for are one line.
    let shown = finish(world.rescue_command(&[]).spawn().unwrap()).exits(40);
    let unasked = "more: not asked for: the log failed again and again";
    assert_eq!(
        shown.stdout.matches("not asked for").count(),
        1,
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains(unasked), "{}", shown.stdout);
}

/// An index that finds so many entries that are not there.
fn names(count: usize) -> Answer {
    let names: Vec<String> = (0..count).map(|number| format!("{number:064x}")).collect();
    Answer::With(200, vec![], json!(names).to_string().into_bytes())
}

#[test]
fn an_entry_is_found_however_it_is_hidden() {
    type Behaviour = fn(&str, &Value) -> Answer;
    // Anybody may log what they like under a digest, and nobody but the signer under the certificate.
    let crowded: Behaviour = |path, asked| match path == INDEX && asked.get("hash").is_some() {
        true => names(4000),
        false => Answer::Usual,
    };
    let many: Behaviour = |path, asked| match path == INDEX && asked.get("hash").is_some() {
        true => names(300),
        false => Answer::Usual,
    };
    // Of several entries one cannot be read, or is too long for all of them to be.
    let unreadable: Behaviour = |path, asked| match (path == INDEX, asked.get("hash")) {
        (true, Some(_)) => names(2),
        (false, _) if asked["entryUUIDs"].as_array().unwrap().len() == 2 => {
            Answer::With(200, vec![], b"[{}, 7]".to_vec())
        }
        _ => Answer::Usual,
    };
    let long: Behaviour = |path, asked| match (path == INDEX, asked.get("hash")) {
        (true, Some(_)) => names(2),
        (false, _) if asked["entryUUIDs"][0] == format!("{:064x}", 0) => {
            Answer::With(200, vec![], vec![b' '; (8 << 20) + 1])
        }
        _ => Answer::Usual,
    };
    for behaviour in [crowded, many, unreadable, long] {
        let world = World::new(1, |_| true);
        world.log.behave(behaviour);
        let rescued = world.rescue().exits(0).json();
        assert_eq!(rescued["rescued"][0]["form"], "id");
        world.verify("HEAD").exits(0);
    }
}

#[test]
fn what_was_found_is_kept_when_it_is_interrupted() {
    let world = World::new(6, |_| true);
    let (asked, is_asked) = mpsc::channel();
    let head = world.folder.git(&["rev-parse", "HEAD"]);
    let first = HashAlgorithm::Sha256.digest(head.as_bytes()).to_string();
    world.log.behave(move |path, question| {
        if path == ENTRIES || question["hash"] == first {
            return Answer::Usual;
        }
        let _ = asked.send(());
        Answer::Nothing
    });
    let child = world.rescue_command(&["--json"]).spawn().unwrap();
    // Four are asked for at a time: with the fourth that is not answered, the first was found.
    for _ in 0..4 {
        is_asked.recv().unwrap();
    }
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(
        Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
    let rescued = finish(child).exits(40).json();
    assert_eq!(rescued["rescued"].as_array().unwrap().len(), 1);
    let error = &rescued["missing"][0]["error"];
    assert_eq!(error["code"], "SH-GIT-RESCUE-NOT-ASKED");
    assert_eq!(
        error["message"],
        "not asked for: the search was interrupted"
    );
    world.verify("HEAD").exits(0);

    world.log.behave(|_, _| Answer::Usual);
    let rest = world.rescue().exits(0).json();
    assert_eq!(
        (&rest["already"], rest["rescued"].as_array().unwrap().len()),
        (&1.into(), 5)
    );
}
