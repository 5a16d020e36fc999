//! What only a person at a terminal sees.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{ALICE, Ran, Workplace, finish};

/// Runs the program with a terminal as its standard input and error, and types
/// `typed` once it has asked.
fn at_a_terminal(place: &Workplace, args: &[&str], typed: &str) -> (Ran, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut terminal = File::from(terminal);

    let mut command = place.command(args);
    command
        .stdin(Stdio::from(other_end.try_clone().unwrap()))
        .stderr(Stdio::from(other_end));
    let mut child = command.spawn().unwrap();
    // The child alone holds the other end now.
    drop(command);

    let mut screen = terminal.try_clone().unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Reading fails when the child has closed its end.
        while let Ok(count) = screen.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if count == 0 || sender.send(text).is_err() {
                return;
            }
        }
    });
    let mut seen = String::new();
    while !seen.contains("Enter alone") {
        let Ok(more) = receiver.recv_timeout(Duration::from_secs(30)) else {
            child.kill().unwrap();
            panic!("it did not ask: {seen}");
        };
        seen.push_str(&more);
    }
    terminal.write_all(typed.as_bytes()).unwrap();
    let ran = finish(child);
    while let Ok(more) = receiver.recv_timeout(Duration::from_secs(5)) {
        seen.push_str(&more);
    }
    (ran, seen)
}

const QUICKSTART: [&str; 4] = ["quickstart", "a.txt", "--listen", "127.0.0.1:0"];

#[test]
fn enter_is_enough() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    place.write(".gitconfig", format!("[user]\nemail = {ALICE}\n"));
    let (ran, screen) = at_a_terminal(&place, &QUICKSTART, "\n");
    let ran = ran.exits(0);
    assert!(screen.contains("/oidc/auth?"), "{screen}");
    assert!(ran.stdout.contains(ALICE), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn an_address_is_asked_for_until_it_is_one() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let typed = "carol\ncarol@example.com\n";
    let (ran, screen) = at_a_terminal(&place, &QUICKSTART, typed);
    let ran = ran.exits(0);
    assert!(screen.contains("no e-mail address"), "{screen}");
    assert!(ran.stdout.contains("carol@example.com"), "{ran:?}");
}
