//! Notes in real repositories: read whatever is in them, written so that nothing gets lost.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::path::Path;

use signhere_git::notes::{
    Author, MAX_LINES, MAX_NOTE_LEN, NOTES_REF, NoteFault, Notes, NotesError,
};
use signhere_git::object::ObjectId;
use signhere_git::repository::{Git, Repository, RepositoryError};
use signhere_testkit::forge::{Forge, Kind, SIGNED_AT};
use signhere_testkit::git::GitRepository;
use signhere_verify::bundle::Bundle;

fn open(path: &Path) -> Repository {
    let path_variable = std::env::vars_os().filter(|(name, _)| name == "PATH");
    Repository::open(Git::new("git", path_variable), path).unwrap()
}

fn ada() -> Author {
    Author {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        at: SIGNED_AT,
    }
}

/// So many bundles, each another one.
fn bundles(count: usize) -> Vec<Bundle> {
    let forge = Forge::new();
    let bundle = |_| Bundle::parse(&forge.bundle(Kind::PLAIN).to_bytes()).unwrap();
    (0..count).map(bundle).collect()
}

fn jsons(bundles: &[Bundle]) -> Vec<Vec<u8>> {
    let mut jsons: Vec<_> = bundles.iter().map(Bundle::to_json).collect();
    jsons.sort();
    jsons
}

fn commits(folder: &GitRepository, count: usize) -> Vec<ObjectId> {
    let commit = |number: usize| folder.commit(&number.to_string()).parse().unwrap();
    (0..count).map(commit).collect()
}

#[test]
fn what_is_added_is_there_and_git_shows_it() {
    for folder in [GitRepository::new(), GitRepository::sha256()] {
        let [first, second] = commits(&folder, 2)[..] else {
            panic!("two commits");
        };
        let repository = open(folder.path());
        assert!(!Notes::open(&repository).unwrap().has(&first));
        assert!(
            Notes::open(&repository)
                .unwrap()
                .of(&first)
                .bundles
                .is_empty()
        );

        let [a, b, c] = bundles(3).try_into().unwrap();
        let additions = [(first, vec![a.clone()]), (second, vec![b.clone()])];
        let added = Notes::add(&repository, &additions, &ada()).unwrap();
        assert_eq!((added.notes, added.refused), (2, 0));
        let additions = [(first, vec![a.clone(), c.clone()])];
        assert_eq!(
            Notes::add(&repository, &additions, &ada()).unwrap().notes,
            1
        );
        // Again is nothing new, and no new commit.
        let tip = folder.git(&["rev-parse", NOTES_REF]);
        assert_eq!(
            Notes::add(&repository, &additions, &ada()).unwrap().notes,
            0
        );
        assert_eq!(folder.git(&["rev-parse", NOTES_REF]), tip);
        assert_eq!(folder.git(&["rev-list", "--count", NOTES_REF]), "2");

        let notes = Notes::open(&repository).unwrap();
        let note = notes.of(&first);
        assert_eq!((note.bundles.len(), note.faults), (2, vec![]));
        assert_eq!(jsons(&note.bundles), jsons(&[a, c]));
        let shown = folder.git(&["notes", "--ref=signhere", "show", &second.to_string()]);
        assert_eq!(shown.as_bytes(), b.to_json());
    }
}

#[test]
fn notes_are_cut_as_git_cuts_them_and_read_in_any_cut() {
    let folder = GitRepository::new();
    let repository = open(folder.path());
    let [bundle, other] = bundles(2).try_into().unwrap();
    // Objects need not be there to be noted.
    let id = |number: usize| {
        format!("{:02x}{number:038x}", number % 256)
            .parse()
            .unwrap()
    };
    let additions: Vec<_> = (0..300)
        .map(|number| (id(number), vec![bundle.clone()]))
        .collect();
    Notes::add(&repository, &additions[..200], &ada()).unwrap();
    let paths = |from: &str| folder.git(&["ls-tree", "-r", "--name-only", from]);
    assert!(!paths(NOTES_REF).contains('/'));
    Notes::add(&repository, &additions, &ada()).unwrap();
    assert!(paths(NOTES_REF).lines().last().unwrap().contains('/'));

    // Git finds them, and writes them in its own cut; then they are found there, and not doubled.
    let commit: ObjectId = folder.commit("one").parse().unwrap();
    Notes::add(&repository, &[(commit, vec![bundle.clone()])], &ada()).unwrap();
    let text = String::from_utf8(other.to_json()).unwrap();
    folder.git(&[
        "notes",
        "--ref=signhere",
        "append",
        "-m",
        &text,
        &commit.to_string(),
    ]);
    let notes = Notes::open(&repository).unwrap();
    assert_eq!(notes.of(&commit).bundles.len(), 2);
    assert!(
        additions
            .iter()
            .all(|(id, _)| notes.of(id).bundles.len() == 1)
    );
    Notes::add(&repository, &[(id(7), vec![other.clone()])], &ada()).unwrap();
    let listed = paths(NOTES_REF).replace('/', "");
    let count = |id: ObjectId| listed.matches(&id.to_string()).count();
    assert_eq!((count(id(7)), count(id(8)), count(commit)), (1, 1, 1));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let folder = GitRepository::new();
    let ids = commits(&folder, 4);
    let bundles = bundles(8);
    let path = folder.path();
    std::thread::scope(|scope| {
        for half in bundles.chunks(2) {
            let ids = &ids;
            scope.spawn(move || {
                let repository = open(path);
                for (bundle, id) in half.iter().zip(ids) {
                    let addition = [(*id, vec![bundle.clone()])];
                    Notes::add(&repository, &addition, &ada()).unwrap();
                }
            });
        }
    });
    let repository = open(path);
    let notes = Notes::open(&repository).unwrap();
    let counts: Vec<_> = ids.iter().map(|id| notes.of(id).bundles.len()).collect();
    assert_eq!(counts, [4, 4, 0, 0]);
    assert_eq!(folder.git(&["rev-list", "--count", NOTES_REF]), "8");
}

#[test]
fn notes_of_others_are_merged_line_by_line() {
    let ours = GitRepository::new();
    let id: ObjectId = ours.commit("one").parse().unwrap();
    let theirs = GitRepository::cloned(ours.path(), &[]);
    let [a, b, both] = bundles(3).try_into().unwrap();
    let (our, their) = (open(ours.path()), open(theirs.path()));
    Notes::add(&our, &[(id, vec![a.clone(), both.clone()])], &ada()).unwrap();
    Notes::add(&their, &[(id, vec![b.clone(), both.clone()])], &ada()).unwrap();

    let fetch = |from: &GitRepository, to: &GitRepository| {
        let remote = from.path().display().to_string();
        to.git(&[
            "fetch",
            "-q",
            &remote,
            "+refs/notes/signhere:refs/notes/theirs",
        ]);
    };
    assert_eq!(
        Notes::merge(&our, "refs/notes/theirs", &ada())
            .unwrap()
            .notes,
        0
    );
    fetch(&theirs, &ours);
    assert_eq!(
        Notes::merge(&our, "refs/notes/theirs", &ada())
            .unwrap()
            .notes,
        1
    );
    let expected = jsons(&[a, b, both]);
    assert_eq!(jsons(&Notes::open(&our).unwrap().of(&id).bundles), expected);
    let theirs_is_in = [
        "merge-base",
        "--is-ancestor",
        "refs/notes/theirs",
        NOTES_REF,
    ];
    ours.git(&theirs_is_in);
    // What git itself would have made of it.
    let (mine, merged) = (
        format!("{NOTES_REF}^1"),
        ours.git(&["notes", "--ref=signhere", "show", &id.to_string()]),
    );
    ours.git(&["update-ref", "refs/notes/again", &mine]);
    let strategy = "--strategy=cat_sort_uniq";
    ours.git(&[
        "notes",
        "--ref=again",
        "merge",
        "-q",
        strategy,
        "refs/notes/theirs",
    ]);
    assert_eq!(
        ours.git(&["notes", "--ref=again", "show", &id.to_string()]),
        merged
    );

    // Once more is nothing, and for them it is ours.
    let tip = ours.git(&["rev-parse", NOTES_REF]);
    assert_eq!(
        Notes::merge(&our, "refs/notes/theirs", &ada())
            .unwrap()
            .notes,
        0
    );
    assert_eq!(ours.git(&["rev-parse", NOTES_REF]), tip);
    fetch(&ours, &theirs);
    Notes::merge(&their, "refs/notes/theirs", &ada()).unwrap();
    assert_eq!(
        jsons(&Notes::open(&their).unwrap().of(&id).bundles),
        expected
    );
}

/// A repository with one commit, and what somebody else has put into its note.
fn noted(text: &[u8]) -> (GitRepository, ObjectId) {
    let folder = GitRepository::new();
    let id: ObjectId = folder.commit("one").parse().unwrap();
    let blob = folder.store("blob", text);
    folder.git(&[
        "notes",
        "--ref=signhere",
        "add",
        "-C",
        &blob,
        &id.to_string(),
    ]);
    (folder, id)
}

#[test]
fn what_is_no_bundle_is_told_and_left_out() {
    let [bundle] = bundles(1).try_into().unwrap();
    let json = bundle.to_json();
    let parts: [&[u8]; 5] = [b"garbage\n\n\xff\n", &json, b"\r\n", &json, b"\n{}\n"];
    let text = parts.concat();
    let (folder, id) = noted(&text);
    let repository = open(folder.path());
    let note = Notes::open(&repository).unwrap().of(&id);
    assert_eq!(jsons(&note.bundles), std::slice::from_ref(&json));
    let lines: Vec<_> = note
        .faults
        .iter()
        .map(|fault| match fault {
            NoteFault::NotABundle { number, .. } => *number,
            fault => panic!("{fault}"),
        })
        .collect();
    assert_eq!(lines, [1, 2, 5]);
    // Added to, it keeps what it has.
    let added = Notes::add(&repository, &[(id, bundles(1))], &ada()).unwrap();
    assert_eq!(added.notes, 1);
    let note = Notes::open(&repository).unwrap().of(&id);
    assert_eq!((note.bundles.len(), note.faults.len()), (2, 3));
}

#[test]
fn a_huge_note_is_not_read() {
    for size in [MAX_NOTE_LEN + 1, 100 << 20] {
        let (folder, id) = noted(&vec![b'x'; size]);
        let repository = open(folder.path());
        let notes = Notes::open(&repository).unwrap();
        let note = notes.of(&id);
        assert!(note.bundles.is_empty());
        let [NoteFault::TooLong { found, max }] = note.faults[..] else {
            panic!("{:?}", note.faults);
        };
        assert_eq!(max, MAX_NOTE_LEN);
        assert!(found >= u64::try_from(size).unwrap());
        // It does not keep anybody from noting.
        Notes::add(&repository, &[(id, bundles(1))], &ada()).unwrap();
        let note = Notes::open(&repository).unwrap().of(&id);
        assert_eq!((note.bundles.len(), note.faults), (1, vec![]));
    }
}

#[test]
fn too_many_lines_are_not_read() {
    let lines: String = (0..=MAX_LINES).map(|line| format!("{line}\n")).collect();
    let (folder, id) = noted(lines.as_bytes());
    let repository = open(folder.path());
    let note = Notes::open(&repository).unwrap().of(&id);
    let (found, max) = (MAX_LINES + 1, MAX_LINES);
    assert_eq!(note.faults[0], NoteFault::TooManyLines { found, max });
    assert_eq!(note.faults.len(), 1 + MAX_LINES);
    let error = Notes::add(&repository, &[(id, bundles(1))], &ada()).unwrap_err();
    assert!(matches!(error, NotesError::Full { lines, .. } if lines == MAX_LINES + 2));
}

#[test]
fn notes_that_are_damaged_or_none_fail_alone() {
    let (folder, id) = noted(b"{}\n");
    let blob = folder.git(&["rev-parse", &format!("{NOTES_REF}:{id}")]);
    let (from, to) = blob.split_at(2);
    std::fs::remove_file(folder.path().join(".git/objects").join(from).join(to)).unwrap();
    let repository = open(folder.path());
    let note = Notes::open(&repository).unwrap().of(&id);
    assert!(
        matches!(note.faults[..], [NoteFault::Unreadable(_)]),
        "{note:?}"
    );

    // What is only missing here, as in a partial clone, is not written over: others have it.
    let added = Notes::add(&repository, &[(id, bundles(1))], &ada());
    let missing = |error: &RepositoryError| matches!(error, RepositoryError::Missing { .. });
    assert!(matches!(&added, Err(NotesError::Repository(error)) if missing(error)));

    // A ref that names no commit is no notes, and nothing is written over it.
    let blob = folder.store("blob", b"no commit");
    folder.git(&["update-ref", NOTES_REF, &blob]);
    assert!(matches!(
        Notes::open(&repository),
        Err(NotesError::Repository(_))
    ));
    let added = Notes::add(&repository, &[(id, bundles(1))], &ada());
    assert!(matches!(added, Err(NotesError::Repository(_))));
    assert_eq!(folder.git(&["rev-parse", NOTES_REF]), blob);
}

#[test]
fn a_repository_s_hooks_and_configuration_do_not_take_part() {
    let folder = GitRepository::new();
    let id: ObjectId = folder.commit("one").parse().unwrap();
    let hook = folder.path().join(".git/hooks/reference-transaction");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder.git(&["config", "core.worktree", "/nowhere"]);
    folder.git(&["config", "commit.gpgSign", "true"]);
    folder.git(&["config", "gpg.program", "/bin/false"]);
    folder.git(&["config", "i18n.commitEncoding", "latin1"]);
    let repository = open(&folder.path().join(".git"));
    assert_eq!(
        Notes::add(&repository, &[(id, bundles(1))], &ada())
            .unwrap()
            .notes,
        1
    );
}

#[test]
fn what_is_no_note_does_not_keep_anybody_from_noting() {
    let folder = GitRepository::new();
    let [id, other] = commits(&folder, 2)[..] else {
        panic!("two commits");
    };
    let blob = folder.store("blob", b"{}\n");
    let tree = |entries: &[(&str, &str, &str)]| {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(id.parse::<ObjectId>().unwrap().as_bytes());
        }
        folder.store("tree", &bytes)
    };
    let below = tree(&[("100644", "x", &blob)]);
    let (hex, commit) = (id.to_string(), other.to_string());
    // Folders where a note belongs, names that git does not write, links, and what is called a blob and is none.
    let mut entries = [
        ("40000", hex.as_str(), below.as_str()),
        ("40000", ".git", &below),
        ("100644", &hex[..2], &blob),
        ("120000", "link", &blob),
        ("160000", "module", &commit),
        ("100644", commit.as_str(), &commit),
    ];
    entries.sort_by_key(|(_, name, _)| *name);
    let tree = tree(&entries);
    let tip = folder.git(&["commit-tree", &tree, "-m", "notes"]);
    folder.git(&["update-ref", NOTES_REF, &tip]);
    let repository = open(folder.path());
    assert!(!Notes::open(&repository).unwrap().has(&id));
    let additions = [(id, bundles(1)), (other, bundles(1))];
    let added = Notes::add(&repository, &additions, &ada()).unwrap();
    assert_eq!(added.notes, 2);
    let notes = Notes::open(&repository).unwrap();
    for object in [id, other] {
        let note = notes.of(&object);
        assert_eq!((note.bundles.len(), note.faults), (1, vec![]));
    }
    let paths = folder.git(&["ls-tree", "-r", "--name-only", NOTES_REF]);
    assert_eq!(paths.lines().count(), 2);
}

#[test]
fn a_symbolic_ref_leads_no_note_into_a_branch() {
    let folder = GitRepository::new();
    let id: ObjectId = folder.commit("one").parse().unwrap();
    let head = folder.git(&["symbolic-ref", "HEAD"]);
    folder.git(&["symbolic-ref", NOTES_REF, &head]);
    let repository = open(folder.path());
    Notes::add(&repository, &[(id, bundles(1))], &ada()).unwrap();
    assert_eq!(folder.git(&["rev-parse", &head]), id.to_string());
    assert!(Notes::open(&repository).unwrap().has(&id));
}
