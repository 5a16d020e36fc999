use signhere_pki::time::Time;

use super::super::{
    TrustFile, TrustFileError, TrustFileProblem, WriteError, with_signer, without_signer,
};
use super::*;

const ADA: &str =
    "[signers.ada]\nidentity = \"ada@example.org\"\nissuer = \"https://accounts.google.com\"\n";
const BOB: &str =
    "[signers.bob]\nidentity = \"bob@example.org\"\nissuer = \"https://accounts.google.com\"\n";

fn read(git: &str) -> Result<TrustFile, TrustFileError> {
    let text = format!("{ADA}{BOB}{git}");
    TrustFile::parse(&text, "trust.toml", None, &|path| {
        Ok(format!("the content of {path}"))
    })
}

fn problem(git: &str) -> TrustFileProblem {
    *read(git).expect_err(git).problem
}

fn text(git: &str) -> String {
    read(git).expect_err(git).to_string()
}

#[test]
fn the_part_is_read_whole() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let long = "0123456789abcdef".repeat(4);
    let file = read(&format!(
        "[git]\nsince = \"{id}\"\ngrandfathered = [\"{id}\", \"{long}\"]\n\
         allowed_signers = \".signhere/allowed_signers\"\ncarriers = [\"bob\"]\n\
         [git.platforms.github]\nkey_file = \"web-flow.asc\"\n\
         [git.teams]\nmaintainers = [\"ada\", \"bob\"]\n\
         [git.rules.main]\nrefs = [\"refs/heads/main\", \"refs/heads/release/*\"]\npaths = [\"src/**\"]\n\
         signers = [\"maintainers\"]\nthreshold = 2\ncommitter = \"strict\"\nrewrite = true\ndelete = true\nlightweight = true\n\
         [git.rules.rest]\nrefs = [\"refs/**\"]\nsigners = [\"ada\"]\n"
    ))
    .unwrap();
    let git = file.git.unwrap();
    assert_eq!(git.since.as_deref(), Some(id));
    assert_eq!(git.grandfathered, [id, &long]);
    assert_eq!(git.carriers, ["bob".to_owned()].into_iter().collect());
    let platform = GitPlatform {
        name: "github".to_owned(),
        key: "the content of web-flow.asc".to_owned(),
    };
    assert_eq!(git.platforms, [platform]);
    assert_eq!(
        git.allowed_signers.as_deref(),
        Some(".signhere/allowed_signers")
    );
    let names: Vec<_> = git.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["main", "rest"]);
    let [main, rest] = git.rules.as_slice() else {
        panic!("{git:?}")
    };
    assert_eq!(
        main.signers,
        ["ada", "bob"].map(ToOwned::to_owned).into_iter().collect()
    );
    assert_eq!((main.threshold, rest.threshold), (2, 1));
    assert!(main.is_strict && main.may_rewrite && main.may_delete && main.may_be_lightweight);
    assert!(!(rest.is_strict || rest.may_rewrite || rest.may_delete || rest.may_be_lightweight));
    assert!(main.is_for("refs/heads/release/1") && !main.is_for("refs/heads/release/1/x"));
    assert!(main.is_about([b"src/a/b.rs".as_slice()]) && !main.is_about([b"srcs".as_slice()]));
    assert!(rest.is_about([b"x".as_slice()]) && rest.is_about([]));
}

#[test]
fn what_means_nothing_or_cannot_be_met_is_refused() {
    let rule = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\n";
    assert_eq!(
        problem(&format!("{rule}signers = [\"eve\"]\n")),
        TrustFileProblem::GitUnknown {
            place: "rule main".to_owned(),
            name: "eve".to_owned()
        }
    );
    for (threshold, people, signers) in [
        (0, 2, "\"ada\", \"bob\""),
        (-1, 2, "\"ada\", \"bob\""),
        (3, 2, "\"ada\", \"bob\""),
        (2, 1, "\"ada\", \"ada\""),
        (1, 0, ""),
    ] {
        assert_eq!(
            problem(&format!(
                "{rule}signers = [{signers}]\nthreshold = {threshold}\n"
            )),
            TrustFileProblem::GitThreshold {
                rule: "main".to_owned(),
                threshold,
                people
            }
        );
    }
    assert_eq!(
        problem("[git.teams]\nada = [\"bob\"]\n"),
        TrustFileProblem::GitTeamName {
            name: "ada".to_owned()
        }
    );
    for (git, expected) in [
        (
            "[git.teams]\nall = [\"ada\"]\nmore = [\"all\"]\n",
            "team more names all, which is not listed: a team has signers, a rule signers and teams",
        ),
        (
            "[git]\ncarriers = [\"eve\"]\n",
            "carriers names eve, which is not listed: a team has signers, a rule signers and teams",
        ),
        (
            "[git]\nsince = \"0123456\"\n",
            "`since` has a value that cannot be",
        ),
        (
            "[git]\nsince = \"0123456789ABCDEF0123456789ABCDEF01234567\"\n",
            "`since` has a value that cannot be",
        ),
        (
            "[git]\ngrandfathered = [\"HEAD\"]\n",
            "`grandfathered` has a value that cannot be",
        ),
        (
            "[git]\nallowed_signers = \"../keys\"\n",
            "`allowed_signers` has a value that cannot be",
        ),
        ("[git]\nsinse = \"x\"\n", "`sinse` is no key of [git]"),
        (
            "[git.rules.main]\nsigners = [\"ada\"]\n",
            "`refs` is missing in [git.rules.main]",
        ),
        (
            "[git.rules.main]\nrefs = []\nsigners = [\"ada\"]\n",
            "`refs` has a value that cannot be",
        ),
        (
            "[git.rules.main]\nrefs = [\"main\"]\nsigners = [\"ada\"]\n",
            "a ref is written in full: refs/heads/main, refs/tags/*",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/**/main\"]\nsigners = [\"ada\"]\n",
            "in a ref, ** stands at the end alone",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/heads/v*\"]\nsigners = [\"ada\"]\n",
            "* stands for a whole segment, and ** for several, at most 2 times",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/heads/main\"]\npaths = []\nsigners = [\"ada\"]\n",
            "`paths` has a value that cannot be",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/heads/main\"]\npaths = [\"/src\"]\nsigners = [\"ada\"]\n",
            "a pattern has no empty segment, no . and no ..",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\"]\ncommitter = \"any\"\n",
            "`committer` has a value that cannot be",
        ),
        (
            "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\"]\ndelete = 1\n",
            "`delete` has a value of the wrong type",
        ),
        (
            "[git.platforms.github]\n",
            "`key` is missing in [git.platforms.github]",
        ),
        (
            "[git.platforms.github]\nkey = \"x\"\nkey_file = \"y\"\n",
            "`key_file` has a value that cannot be",
        ),
        ("git = 1\n", "`git` has a value of the wrong type"),
    ] {
        // The part stands in a file after the signers, but for a value of the top.
        let found = match git.starts_with("git") {
            true => TrustFile::parse(git, "trust.toml", None, &|_| Err(String::new()))
                .expect_err(git)
                .to_string(),
            false => text(git),
        };
        assert!(found.ends_with(expected), "{git}: {found}");
    }
    let many: String = (0..=MAX_RULES).map(|n| format!("t{n} = []\n")).collect();
    assert_eq!(
        problem(&format!("[git.teams]\n{many}")),
        TrustFileProblem::GitMany {
            part: "teams",
            most: MAX_RULES
        }
    );
}

#[test]
fn patterns_cover_the_whole_name_and_stars_whole_segments() {
    let refs = |pattern: &str, name: &str| {
        GitPattern::of_refs(pattern)
            .unwrap()
            .matches(name.as_bytes())
    };
    let paths = |pattern: &str, name: &[u8]| GitPattern::of_paths(pattern).unwrap().matches(name);
    assert!(refs("refs/heads/main", "refs/heads/main"));
    assert!(refs("refs/heads/main", "refs/heads/MAIN"));
    assert!(!refs("refs/heads/main", "refs/heads/main2"));
    assert!(!refs("refs/heads/main", "refs/heads/main/x"));
    assert!(!refs("refs/heads/main", "xrefs/heads/main"));
    assert!(refs("refs/heads/*", "refs/heads/x"));
    assert!(!refs("refs/heads/*", "refs/heads/x/y"));
    assert!(refs("refs/heads/**", "refs/heads/x/y"));
    assert!(!refs("refs/heads/**", "refs/heads"));
    assert!(refs("refs/*/main", "refs/heads/main"));
    assert!(paths("src/**", b"src/a") && paths("src/**", b"SRC/a/b"));
    assert!(paths("src/**", b"src/\xff\n"));
    assert!(
        !paths("src/**", b"src") && !paths("src/**", b"srcs/a") && !paths("src/**", b"a/src/b")
    );
    assert!(paths("**/Cargo.toml", b"Cargo.toml") && paths("**/Cargo.toml", b"a/b/Cargo.toml"));
    assert!(!paths("**/Cargo.toml", b"a/xCargo.toml"));
    assert!(
        paths("a/**/b/**", b"a/x/b/c")
            && paths("a/**/b/**", b"a/b/c")
            && !paths("a/**/b/**", b"a/b")
    );
    assert!(paths("*", b"a") && !paths("*", b"a/b"));
    for (pattern, error) in [
        ("", GitPatternError::Length),
        ("a\\b", GitPatternError::Character),
        ("a\u{202e}b", GitPatternError::Character),
        ("a//b", GitPatternError::Segment),
        ("../b", GitPatternError::Segment),
        ("a/b/", GitPatternError::Segment),
        ("*.rs", GitPatternError::Stars),
        ("**/**/**", GitPatternError::Stars),
    ] {
        assert_eq!(GitPattern::of_paths(pattern), Err(error), "{pattern}");
    }
    assert_eq!(
        GitPattern::of_paths(&"a/".repeat(300)),
        Err(GitPatternError::Length)
    );
    assert_eq!(GitPattern::of_refs("heads/main"), Err(GitPatternError::Ref));
}

#[test]
fn a_change_of_what_a_pattern_leads_through_is_a_change_of_what_is_below() {
    let leads = |pattern: &str, path: &str| {
        let pattern = GitPattern::of_paths(pattern).unwrap();
        pattern.leads_through(path.as_bytes())
    };
    for (pattern, path) in [
        ("src/**", "src"),
        ("src/**", "SRC"),
        ("src/core/**", "src"),
        ("src/core/**", "src/core"),
        ("src/a.rs", "src"),
        ("src/*/a.rs", "src"),
    ] {
        assert!(leads(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("src", "src"),
        ("src/**", "srcs"),
        ("src/core/**", "core"),
        ("src/core/**", "src/other"),
        ("src/a", "src/a/b"),
        ("*/a", "readme"),
        ("**/a", "readme"),
        ("src/*/a.rs", "src/x"),
    ] {
        assert!(!leads(pattern, path), "{pattern} {path}");
    }
    let git = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\npaths = [\"src/**\"]\nsigners = [\"ada\"]\n";
    let file = read(git).unwrap().git.unwrap();
    assert!(file.rules[0].is_about([b"src".as_slice()]));
}

#[test]
fn a_pattern_of_the_worst_kind_is_compared_at_once() {
    let pattern = format!("**/{}**/x", "*/".repeat(200));
    let pattern = GitPattern::of_paths(&pattern).unwrap();
    let path = "a/".repeat(2000);
    assert!(!pattern.matches(path.as_bytes()));
}

#[test]
fn entries_that_share_an_address_are_one_person() {
    let github = "[signers.ada-github]\nidentity = \"ada@example.org\"\nissuer = \"https://github.com/login/oauth\"\n";
    let other = "[signers.ada-work]\nidentity = \"ada@work.example\"\nissuer = \"https://accounts.google.com\"\n\
                 committers = [\"bridge@example.org\", \"ada@example.org\"]\n";
    let file = read(&format!("{github}{other}")).unwrap();
    let people = file.people();
    assert_eq!(people.count(["ada", "ada-github", "ada-work"]), 1);
    assert_eq!(people.count(["ada", "bob", "nobody"]), 2);
    assert_eq!(people.of("nobody"), None);
    let loud = "[signers.loud]
identity = \"zoe@example.org\"
issuer = \"https://accounts.google.com\"
\
                committers = [\"ADA@Example.org\"]
";
    let file = read(loud).unwrap();
    assert_eq!(file.people().count(["ada", "loud"]), 1);

    // Two strangers become one through a third entry, in whatever order they stand.
    let late = "[signers.both]\nidentity = \"c@example.org\"\nissuer = \"https://accounts.google.com\"\n\
                committers = [\"bob@example.org\", \"ada@example.org\"]\n";
    let file = read(late).unwrap();
    assert_eq!(file.people().count(["ada", "bob", "both"]), 1);
    let rule = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"bob\"]\nthreshold = 2\n";
    assert!(read(rule).is_ok());
    assert_eq!(
        problem(&format!("{late}{rule}")),
        TrustFileProblem::GitThreshold {
            rule: "main".to_owned(),
            threshold: 2,
            people: 1
        }
    );
}

#[test]
fn addresses_are_what_git_can_write() {
    let with = |address: &str| {
        let text = format!("{ADA}committers = [\"{address}\"]\n");
        TrustFile::parse(&text, "t", None, &|_| Err(String::new()))
    };
    let bot = "41898282+github-actions[bot]@users.noreply.github.com";
    let file = with(bot).unwrap();
    let addresses: Vec<_> = file.signers[0].addresses().collect();
    assert_eq!(addresses, ["ada@example.org", bot]);
    for address in ["ada", "a b@c", "a@<b>", "a@b\\u202e", "*@example.org", ""] {
        let error = with(address).expect_err(address).to_string();
        assert!(
            error.ends_with("`committers` has a value that cannot be"),
            "{error}"
        );
    }
}

#[test]
fn lint_finds_a_rule_that_nothing_can_meet_and_a_file_that_everybody_may_change() {
    let codes = |file: &TrustFile, now: &str| -> Vec<(String, &'static str)> {
        let now = Time::parse_rfc3339(now).unwrap();
        let found = lint(file, now).into_iter();
        found
            .map(|finding| (finding.signer, finding.code))
            .collect()
    };
    let over = "[signers.eve]\nidentity = \"eve@example.org\"\nissuer = \"https://accounts.google.com\"\nuntil = 2026-01-01T00:00:00Z\n";
    let rules = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\npaths = [\"src/**\"]\nsigners = [\"ada\", \"eve\"]\nthreshold = 2\n";
    let file = read(&format!("{over}{rules}")).unwrap();
    let open = ("git".to_owned(), "git-open");
    assert_eq!(
        codes(&file, "2025-12-31T00:00:00Z"),
        std::slice::from_ref(&open)
    );
    let unmet = ("git.rules.main".to_owned(), "git-unmet");
    assert_eq!(codes(&file, "2026-01-02T00:00:00Z"), [unmet, open]);
    let kept = "[git.rules.who]\nrefs = [\"refs/heads/main\"]\npaths = [\".signhere/**\"]\nsigners = [\"ada\"]\n";
    assert_eq!(codes(&read(kept).unwrap(), "2026-01-02T00:00:00Z"), []);
    assert_eq!(codes(&read("").unwrap(), "2026-01-02T00:00:00Z"), []);
}

#[test]
fn a_signer_that_a_rule_names_is_not_taken_out() {
    let text = format!(
        "{ADA}{BOB}[git.teams]\nall = [\"ada\"]\n[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"bob\"]\n"
    );
    let named = |name: &str, by: &str| {
        let (name, by) = (name.to_owned(), by.to_owned());
        Err(WriteError::Named { name, by })
    };
    assert_eq!(without_signer(&text, "ada"), named("ada", "team all"));
    assert_eq!(without_signer(&text, "bob"), named("bob", "rule main"));
    let mut signer = read("").unwrap().signers[0].clone();
    signer.name = "ada-2".to_owned();
    signer.committers = vec!["x@example.org".to_owned()];
    let changed = with_signer(&text, &signer).unwrap();
    let again = TrustFile::parse(&changed, "t", None, &|_| Err(String::new())).unwrap();
    assert_eq!(again.signers.last(), Some(&signer));
    assert!(again.git.is_some());
}
