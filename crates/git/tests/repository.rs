//! Repositories of every kind, whole and damaged, honest and lying.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signhere_git::object::{ObjectFormat, ObjectId, ObjectKind};
use signhere_git::repository::{
    Gap, Git, Limits, Mode, Quarantine, Repository, RepositoryError, RevisionFault, TreeFault,
};
use signhere_testkit::git::GitRepository;

fn git() -> Git {
    let path = std::env::vars_os().filter(|(name, _)| name == "PATH");
    Git::new("git", path)
}

fn open(path: &Path) -> Repository {
    Repository::open(git(), path).unwrap()
}

fn id(text: &str) -> ObjectId {
    text.parse().unwrap()
}

/// Three commits: `a`, then `a` and `b/c`, then `a` alone and changed.
fn three() -> (GitRepository, [ObjectId; 3]) {
    let repository = GitRepository::new();
    repository.write("a", "1\n");
    let first = repository.commit("first");
    repository.write("b/c", "2\n");
    let second = repository.commit("second");
    repository.write("a", "3\n");
    fs::remove_file(repository.path().join("b/c")).unwrap();
    let third = repository.commit("third");
    (repository, [first, second, third].map(|text| id(&text)))
}

/// Where a loose object is.
fn loose(git_dir: &Path, id: &ObjectId) -> PathBuf {
    let hex = id.to_string();
    let (folder, name) = hex.split_at(2);
    git_dir.join("objects").join(folder).join(name)
}

/// Replaces a loose object by what another one's file holds.
fn overwrite(git_dir: &Path, id: &ObjectId, content: &[u8]) {
    let path = loose(git_dir, id);
    fs::remove_file(&path).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn objects_refs_and_history_are_read() {
    let (folder, [first, second, third]) = three();
    folder.git(&["tag", "-a", "v1", "-m", "one", &second.to_string()]);
    folder.git(&["tag", "-a", "again", "-m", "of a tag", "v1"]);
    folder.git(&["branch", "other", &first.to_string()]);
    let repository = open(&folder.path().join("b/..").join("."));
    assert_eq!(repository.format(), ObjectFormat::Sha1);
    assert_eq!(repository.git_dir(), folder.path().join(".git"));
    assert_eq!(repository.gap(), Gap::None);

    let raw = repository.object(&third).unwrap();
    assert_eq!(raw.kind, ObjectKind::Commit);
    assert_eq!(
        ObjectId::of(ObjectFormat::Sha1, raw.kind, &raw.bytes),
        third
    );

    assert_eq!(repository.resolve("HEAD"), Ok(third));
    assert_eq!(repository.resolve("HEAD~2"), Ok(first));
    assert_eq!(repository.resolve(&second.to_string()[..10]), Ok(second));
    let tag = repository.resolve("v1").unwrap();
    assert_eq!(repository.object(&tag).unwrap().kind, ObjectKind::Tag);
    let again = repository.resolve("again").unwrap();
    assert_eq!(repository.commit_of(&again), Ok(second));
    assert_eq!(repository.commit_of(&third), Ok(third));

    assert_eq!(
        repository.history(&[third], &[]),
        Ok(vec![third, second, first])
    );
    assert_eq!(
        repository.history(&[third], &[first]),
        Ok(vec![third, second])
    );
    assert_eq!(repository.history(&[again], &[]), Ok(vec![second, first]));
    assert_eq!(repository.history(&[], &[]), Ok(vec![]));
    assert_eq!(repository.is_ancestor(&first, &third), Ok(true));
    assert_eq!(repository.is_ancestor(&third, &first), Ok(false));
    assert_eq!(repository.merge_bases(&third, &second), Ok(vec![second]));
    assert_eq!(
        repository.current_branch(),
        Ok(Some("refs/heads/main".to_owned()))
    );

    let all: Vec<_> = repository.references(&[]).unwrap();
    let named: Vec<_> = all.iter().map(|r| (r.name.as_str(), r.id)).collect();
    assert_eq!(
        named,
        [
            ("refs/heads/main", third),
            ("refs/heads/other", first),
            ("refs/tags/again", again),
            ("refs/tags/v1", tag),
        ]
    );
    assert_eq!(repository.references(&["refs/heads"]).unwrap().len(), 2);
}

#[test]
fn many_objects_come_in_their_order_and_from_many_threads() {
    let (folder, [first, second, third]) = three();
    let repository = open(folder.path());
    let ids: Vec<ObjectId> = [third, first, second]
        .into_iter()
        .cycle()
        .take(500)
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut came = Vec::new();
                let each = &mut |id: &ObjectId, answer: Result<_, _>| {
                    assert!(answer.is_ok());
                    came.push(*id);
                };
                repository.objects(&ids, each).unwrap();
                assert_eq!(came, ids);
            });
        }
    });
}

#[test]
fn trees_are_read_and_compared() {
    let (folder, [first, second, third]) = three();
    let repository = open(folder.path());
    let tree = |commit: &ObjectId| {
        let raw = repository.object(commit).unwrap();
        let text = String::from_utf8(raw.bytes).unwrap();
        id(text.lines().next().unwrap().strip_prefix("tree ").unwrap())
    };
    let found = repository.tree_entry(&second, b"b/c").unwrap().unwrap();
    assert_eq!(found.mode, Mode::File { executable: false });
    assert_eq!(repository.object(&found.id).unwrap().bytes, b"2\n");
    assert_eq!(repository.tree_entry(&first, b"b/c"), Ok(None));
    assert_eq!(repository.tree_entry(&second, b"a/c"), Ok(None));
    assert_eq!(repository.tree_entry(&second, b""), Ok(None));
    assert_eq!(
        repository.file(&second, b"b/c", 10),
        Ok(Some(b"2\n".to_vec()))
    );
    assert_eq!(repository.file(&second, b"b", 10), Ok(None));
    assert!(matches!(
        repository.file(&second, b"b/c", 1),
        Err(RepositoryError::TooLarge {
            size: 2,
            limit: 1,
            ..
        })
    ));

    let changed = |old: Option<&ObjectId>, new: &ObjectId| {
        let old = old.map(&tree);
        let paths = repository.changed_paths(old.as_ref(), &tree(new)).unwrap();
        let paths = paths
            .into_iter()
            .map(|path| String::from_utf8(path).unwrap());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(changed(None, &second), ["a", "b/c"]);
    assert_eq!(changed(Some(&first), &second), ["b/c"]);
    assert_eq!(changed(Some(&second), &third), ["a", "b/c"]);
    assert_eq!(changed(Some(&third), &third), Vec::<String>::new());

    // A file that becomes a folder, a mode, a symbolic link and another repository.
    fs::remove_file(folder.path().join("a")).unwrap();
    folder.write("a/x", "1");
    folder.write("run", "1");
    let fourth = id(&folder.commit("fourth"));
    folder.git(&["update-index", "--chmod=+x", "run"]);
    let link = folder.git_with(&["hash-object", "-w", "--stdin"], &[], b"run");
    folder.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("120000,{link},link"),
    ]);
    let module = format!("160000,{first},module");
    folder.git(&["update-index", "--add", "--cacheinfo", &module]);
    folder.git(&["commit", "-q", "-m", "fifth"]);
    let fifth = repository.resolve("HEAD").unwrap();
    assert_eq!(changed(Some(&third), &fourth), ["a", "a/x", "run"]);
    assert_eq!(changed(Some(&fourth), &fifth), ["link", "module", "run"]);
    let mode = |path: &[u8]| repository.tree_entry(&fifth, path).unwrap().unwrap().mode;
    assert_eq!(mode(b"run"), Mode::File { executable: true });
    assert_eq!(mode(b"link"), Mode::Symlink);
    assert_eq!(mode(b"module"), Mode::Submodule);
    assert_eq!(mode(b"a"), Mode::Tree);
    assert_eq!(repository.file(&fifth, b"link", 10), Ok(None));
}

#[test]
fn malformed_trees_are_refused() {
    let folder = GitRepository::new();
    let repository = open(folder.path());
    let blob = id(&folder.store("blob", b"x"));
    let entry =
        |mode: &str, name: &[u8]| [mode.as_bytes(), b" ", name, b"\0", blob.as_bytes()].concat();
    let cases = [
        (b"100644 a".to_vec(), TreeFault::Truncated),
        (b"100644 a\x0023".to_vec(), TreeFault::Truncated),
        (entry("100648", b"a"), TreeFault::Mode),
        (entry("", b"a"), TreeFault::Mode),
        (entry("100644", b""), TreeFault::Name),
        (entry("100644", b"a/b"), TreeFault::Name),
        (entry("40000", b".."), TreeFault::Name),
        (entry("40000", b".git"), TreeFault::Name),
        (
            [
                entry("100644", b"a"),
                entry("100644", b"b"),
                entry("40000", b"a"),
            ]
            .concat(),
            TreeFault::Duplicate,
        ),
    ];
    for (bytes, fault) in cases {
        let tree = id(&folder.store("tree", &bytes));
        let expected = RepositoryError::Tree { id: tree, fault };
        assert_eq!(repository.entry_below(&tree, b"x"), Err(expected));
    }
}

#[test]
fn revisions_are_no_options() {
    let (folder, _) = three();
    let repository = open(folder.path());
    let cases = [
        ("", RevisionFault::Empty),
        ("--all", RevisionFault::Option),
        ("-", RevisionFault::Option),
        ("^HEAD", RevisionFault::Excluded),
        ("main\n--all", RevisionFault::Control),
        ("main\u{1b}[2J", RevisionFault::Control),
        ("a...b", RevisionFault::Symmetric),
    ];
    for (text, fault) in cases {
        let revision = text.to_owned();
        let expected = RepositoryError::Revision { revision, fault };
        assert_eq!(repository.resolve(text), Err(expected));
    }
    let long = "x".repeat(5000);
    assert!(matches!(
        repository.resolve(&long),
        Err(RepositoryError::Revision { revision, fault: RevisionFault::Long }) if revision.len() == 100
    ));
    for text in [
        "nothing",
        "HEAD~9",
        "deadbeef",
        "HEAD..main",
        "main@{upstream}",
        "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        "refs/heads/nothing",
        "refs/tags/main",
    ] {
        assert_eq!(repository.resolve(text), Err(unknown(text)), "{text}");
    }
}

fn unknown(text: &str) -> RepositoryError {
    RepositoryError::UnknownRevision {
        revision: text.to_owned(),
        gap: Gap::None,
    }
}

#[test]
fn a_name_of_several_things_is_none() {
    let (folder, [first, second, third]) = three();
    folder.git(&["update-ref", "refs/tags/main", &first.to_string()]);
    folder.git(&["update-ref", "refs/remotes/main/HEAD", &first.to_string()]);
    // The repository's own configuration does not hide it.
    folder.git(&["config", "core.warnAmbiguousRefs", "false"]);
    let repository = open(folder.path());
    let expected = |revision: &str, found: &[&str]| RepositoryError::Ambiguous {
        revision: revision.to_owned(),
        found: found.iter().map(|name| (*name).to_owned()).collect(),
    };
    let both = [
        "refs/heads/main",
        "refs/remotes/main/HEAD",
        "refs/tags/main",
    ];
    for text in ["main", "main~1", "main^{tree}"] {
        assert_eq!(repository.resolve(text), Err(expected(text, &both)));
    }
    assert_eq!(repository.resolve("refs/heads/main"), Ok(third));
    assert_eq!(repository.resolve("heads/main~1"), Ok(second));

    // A whole name is that ref alone: git would take a tag's or a branch's that ends so.
    folder.git(&["update-ref", "refs/tags/refs/notes/a", &first.to_string()]);
    assert_eq!(
        repository.resolve("refs/notes/a"),
        Err(unknown("refs/notes/a"))
    );
    // Nobody keeps others from HEAD by a tag of that name.
    folder.git(&["update-ref", "refs/tags/HEAD", &first.to_string()]);
    assert_eq!(repository.resolve("HEAD"), Ok(third));

    // Ids that begin alike.
    let mut seen = BTreeMap::new();
    let (start, alike) = (0..)
        .find_map(|number: u32| {
            let content = number.to_string();
            let id = ObjectId::of(ObjectFormat::Sha1, ObjectKind::Blob, content.as_bytes());
            let start: String = id.to_string().chars().take(4).collect();
            let other = seen.insert(start.clone(), content.clone())?;
            Some((start, [content, other]))
        })
        .unwrap();
    let mut found = alike.map(|content| folder.store("blob", content.as_bytes()));
    found.sort_unstable();
    let found = found.each_ref().map(String::as_str);
    assert_eq!(repository.resolve(&start), Err(expected(&start, &found)));
}

#[test]
fn a_ref_that_says_nothing_is_no_ref_to_pass_over() {
    let (folder, [.., third]) = three();
    let repository = open(folder.path());
    fs::write(folder.path().join(".git/refs/heads/torn"), "0123").unwrap();
    let name = "refs/heads/torn".to_owned();
    assert_eq!(
        repository.references(&[]),
        Err(RepositoryError::BrokenRef { name })
    );
    assert_eq!(repository.resolve("refs/heads/main"), Ok(third));
}

#[test]
fn every_kind_of_repository_is_opened() {
    let (folder, [.., third]) = three();
    let bare = GitRepository::cloned(folder.path(), &["--bare"]);
    assert_eq!(open(bare.path()).resolve("main"), Ok(third));

    let linked = folder.beside("linked");
    let shown = linked.display().to_string();
    folder.git(&["worktree", "add", "-q", "--detach", &shown, "HEAD~1"]);
    let repository = open(&linked);
    assert_ne!(repository.resolve("HEAD"), Ok(third));
    assert_eq!(repository.resolve("main"), Ok(third));
    assert_eq!(repository.current_branch(), Ok(None));

    let sha256 = GitRepository::sha256();
    let commit = id(&sha256.commit("first"));
    let repository = open(sha256.path());
    assert_eq!(repository.format(), ObjectFormat::Sha256);
    assert_eq!(repository.history(&[commit], &[]), Ok(vec![commit]));
    assert_eq!(repository.object(&commit).unwrap().kind, ObjectKind::Commit);
    // An id of the other form is none of this repository's.
    assert!(repository.object(&third).is_err());

    let empty = GitRepository::new();
    let repository = open(empty.path());
    assert_eq!(repository.references(&[]), Ok(vec![]));
    let branch = empty.git(&["symbolic-ref", "HEAD"]);
    for text in ["HEAD", "@"] {
        let branch = branch.clone();
        assert_eq!(
            repository.resolve(text),
            Err(RepositoryError::Unborn { branch })
        );
    }
}

#[test]
fn what_is_no_repository_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let error = Repository::open(git(), &path).unwrap_err();
    assert_eq!(error, RepositoryError::NotFound { path });
    let path = folder.path().join("missing");
    let error = Repository::open(git(), &path).unwrap_err();
    assert_eq!(error, RepositoryError::NotFound { path });
    let program = folder.path().join("git");
    let error = Repository::open(Git::new(&program, []), folder.path()).unwrap_err();
    assert!(matches!(error, RepositoryError::Program { program: p, .. } if p == program));

    let unknown = GitRepository::new();
    unknown.git(&["config", "core.repositoryFormatVersion", "1"]);
    unknown.git(&["config", "extensions.fromTheFuture", "true"]);
    let error = Repository::open(git(), unknown.path()).unwrap_err();
    assert!(matches!(error, RepositoryError::Form { .. }), "{error:?}");
}

#[test]
fn damaged_objects_are_errors_and_the_others_are_read() {
    let (folder, [first, second, third]) = three();
    let repository = open(folder.path());
    let git_dir = repository.git_dir();
    let whole = fs::read(loose(git_dir, &second)).unwrap();

    // Truncated, and then nothing at all.
    for rest in [whole.len() / 2, 5, 0] {
        overwrite(git_dir, &second, &whole[..rest]);
        let mut answers = Vec::new();
        repository
            .objects(&[first, second, third], &mut |_, answer| {
                answers.push(answer)
            })
            .unwrap();
        assert_eq!(answers.len(), 3);
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
        assert!(
            matches!(
                &answers[1],
                Err(RepositoryError::Damaged { id, .. } | RepositoryError::Missing { id, .. })
                    if *id == second
            ),
            "{answers:?}"
        );
        let history = repository.history(&[third], &[]);
        assert!(
            matches!(history, Err(RepositoryError::Damaged { id, .. }) if id == second),
            "{history:?}"
        );
    }
    // The content of another object.
    overwrite(git_dir, &second, &fs::read(loose(git_dir, &first)).unwrap());
    let error = repository.object(&second).unwrap_err();
    let is_refused = matches!(
        error,
        RepositoryError::WrongId { id, found } if id == second && found == first
    );
    assert!(
        is_refused || matches!(error, RepositoryError::Damaged { .. }),
        "{error:?}"
    );

    fs::remove_file(loose(git_dir, &second)).unwrap();
    let gap = Gap::None;
    let missing = RepositoryError::Missing { id: second, gap };
    assert_eq!(repository.object(&second), Err(missing));
    assert_eq!(
        repository.history(&[third], &[]),
        Err(RepositoryError::Incomplete { gap })
    );
}

#[test]
fn a_pack_that_lies_is_found_out() {
    // Two commits of the same length, packed without compression: one is turned into the other in the pack.
    let folder = GitRepository::new();
    folder.git(&["config", "core.compression", "0"]);
    let commit = id(&folder.commit("honest words"));
    folder.git(&["repack", "-q", "-a", "-d", "-F"]);
    let packs = folder.path().join(".git/objects/pack");
    let pack = fs::read_dir(packs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pack = pack
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "pack"))
        .unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes
        .windows(12)
        .position(|w| w == b"honest words")
        .unwrap();
    bytes[at..at + 12].copy_from_slice(b"tsenoh sdrow");
    // zlib's own checksum (RFC 1950) is a matter of addition: swapping two letters that far apart changes it.
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, &bytes).unwrap();
    let error = open(folder.path()).object(&commit).unwrap_err();
    assert!(
        matches!(
            error,
            RepositoryError::WrongId { .. }
                | RepositoryError::Damaged { .. }
                | RepositoryError::Missing { .. }
        ),
        "{error:?}"
    );
}

#[test]
fn large_objects_are_not_read() {
    let (folder, [first, second, _]) = three();
    let limits = Limits {
        message: 170,
        ..Limits::default()
    };
    let repository = open(folder.path()).with_limits(limits);
    let mut answers = Vec::new();
    repository
        .objects(&[first, second, first], &mut |_, answer| {
            answers.push(answer)
        })
        .unwrap();
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(
        matches!(
            answers[1],
            Err(RepositoryError::TooLarge { id, size: 171.., limit: 170 }) if id == second
        ),
        "{:?}",
        answers[1]
    );
}

#[test]
fn the_repository_cannot_replace_what_is_read() {
    let (folder, [first, second, third]) = three();
    let config = |name: &str, value: &str| {
        folder.git(&["config", name, value]);
    };
    folder.git(&["replace", &third.to_string(), &first.to_string()]);
    fs::create_dir_all(folder.path().join(".git/info")).unwrap();
    fs::write(folder.path().join(".git/info/grafts"), format!("{third}\n")).unwrap();
    fs::write(folder.path().join(".git/shallow"), format!("{second}\n")).unwrap();
    let touched = folder.beside("touched");
    let touch = format!("touch {}", touched.display());
    config("core.pager", &touch);
    config("core.fsmonitor", &touch);
    config("core.sshCommand", &touch);
    config("alias.cat-file", &format!("!{touch}"));
    config("alias.rev-list", &format!("!{touch}"));
    config("core.useReplaceRefs", "true");
    let repository = open(folder.path());
    let raw = repository.object(&third).unwrap();
    assert!(raw.bytes.ends_with(b"\n\nthird\n"));
    assert_eq!(
        repository.history(&[third], &[]),
        Ok(vec![third, second, first])
    );
    assert!(!touched.exists());
}

#[test]
fn a_commit_graph_that_lies_is_not_believed() {
    let (folder, [first, second, third]) = three();
    folder.git(&["commit-graph", "write", "--reachable"]);
    // Another repository's graph in which the third commit's parent is the first one would do; a damaged one shows as
    // well whether it is looked at.
    let graph = folder.path().join(".git/objects/info/commit-graph");
    let mut bytes = fs::read(&graph).unwrap();
    let data = bytes.len() - 60;
    for byte in &mut bytes[data..] {
        *byte ^= 0x5a;
    }
    fs::remove_file(&graph).unwrap();
    fs::write(&graph, bytes).unwrap();
    let repository = open(folder.path());
    assert_eq!(
        repository.history(&[third], &[]),
        Ok(vec![third, second, first])
    );
}

#[test]
fn shallow_and_partial_clones_say_so() {
    let (folder, [_, second, third]) = three();
    folder.git(&["config", "uploadpack.allowFilter", "true"]);
    let shallow = GitRepository::cloned(folder.path(), &["--depth=2"]);
    let repository = open(shallow.path());
    assert_eq!(repository.gap(), Gap::Shallow);
    assert_eq!(repository.history(&[third], &[second]), Ok(vec![third]));
    let gap = Gap::Shallow;
    assert_eq!(
        repository.history(&[third], &[]),
        Err(RepositoryError::Incomplete { gap })
    );

    let partial = GitRepository::cloned(folder.path(), &["--filter=blob:none", "--no-checkout"]);
    let repository = open(partial.path());
    let gap = Gap::Partial;
    assert_eq!(repository.gap(), gap);
    let entry = repository.tree_entry(&second, b"b/c").unwrap().unwrap();
    // Nothing is fetched on the way.
    let missing = RepositoryError::Missing { id: entry.id, gap };
    assert_eq!(repository.object(&entry.id), Err(missing));
    assert_eq!(repository.history(&[third], &[]).unwrap().len(), 3);
}

#[cfg(unix)]
#[test]
fn git_that_hangs_is_ended() {
    let (folder, [first, second, _]) = three();
    // Longer than git takes to start on a machine that does ten things at once.
    let patience = Duration::from_secs(5);
    let repository = Repository::open(git().with_patience(patience), folder.path()).unwrap();
    let path = loose(repository.git_dir(), &second);
    fs::remove_file(&path).unwrap();
    let made = folder.command("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert_eq!(
        repository.object(&second),
        Err(RepositoryError::Silent { patience })
    );
    assert!(repository.object(&first).is_ok());
}

#[test]
fn a_push_in_quarantine_is_read_only_when_it_is_asked_for() {
    let (folder, [_, _, third]) = three();
    let bare = GitRepository::bare();
    let incoming = bare.path().join("objects/incoming");
    fs::create_dir_all(&incoming).unwrap();
    let objects = bare.path().join("objects");
    let raw = open(folder.path()).object(&third).unwrap();
    let stored = bare.git_with(
        &[
            "hash-object",
            "-w",
            "-t",
            "commit",
            "--literally",
            "--stdin",
        ],
        &[
            ("GIT_OBJECT_DIRECTORY", incoming.to_str().unwrap()),
            (
                "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                objects.to_str().unwrap(),
            ),
        ],
        &raw.bytes,
    );
    assert_eq!(id(&stored), third);
    let variables = |with_place: bool| {
        let mut variables = vec![
            ("GIT_DIR", ".".to_owned()),
            ("GIT_OBJECT_DIRECTORY", incoming.display().to_string()),
            (
                "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                objects.display().to_string(),
            ),
        ];
        if with_place {
            variables.push(("GIT_QUARANTINE_PATH", incoming.display().to_string()));
        }
        let variables = variables.into_iter();
        variables.map(|(name, value)| (OsString::from(name), OsString::from(value)))
    };
    let hidden = open(bare.path());
    assert!(matches!(
        hidden.object(&third),
        Err(RepositoryError::Missing { .. })
    ));
    let quarantine = Quarantine::from_variables(variables(true), bare.path()).unwrap();
    let repository = Repository::receiving(git(), quarantine).unwrap();
    assert_eq!(repository.object(&third), Ok(raw));

    let outside = Quarantine::from_variables(variables(false), bare.path()).unwrap();
    assert_eq!(
        (outside.objects.clone(), outside.alternates.clone()),
        (None, None)
    );
    let repository = Repository::receiving(git(), outside).unwrap();
    assert!(repository.object(&third).is_err());
    assert_eq!(Quarantine::from_variables([], bare.path()), None);
}
