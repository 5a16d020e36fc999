//! One test for each row of the tables in `docs/design/git-policy.md`.

mod model;

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::object::ObjectId;
use model::{MAIN, Model, named, signers, texts};

const KEPT: &str = "[git.rules.who]\nrefs = [\"refs/heads/main\"]\npaths = [\".signhere/**\"]\nsigners = [\"ada\"]\n";

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn every_commit_is_signed_by_somebody_who_is_listed() {
    let mut model = Model::default();
    let base = model.root(&signers(&["ada", "bob"]));
    let good = model.after(&[base]).file("a", "1").by("ada");
    assert_eq!(model.refusals(&base, &good), none());
    let unsigned = model.after(&[good]).unsigned();
    assert_eq!(model.refusals(&base, &unsigned), ["it is not signed"]);
    // What comes after does not make it good.
    let later = model.after(&[unsigned]).by("ada");
    assert_eq!(model.refusals(&base, &later), ["it is not signed"]);
    let forged = model.after(&[good]).by("forged");
    let [refusal] = model.refusals(&base, &forged).try_into().unwrap();
    assert!(
        refusal.starts_with("its signature does not hold: "),
        "{refusal}"
    );
    let unproven = model.after(&[good]).by("unproven");
    assert_eq!(
        model.refusals(&base, &unproven),
        ["its signature is good, and not proven: no log entry"]
    );
    let pgp = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
    let pgp = model
        .after(&[good])
        .signed("ada@example.org", &|_| Some(pgp.to_owned()));
    assert_eq!(
        model.refusals(&base, &pgp),
        ["it has a PGP signature, and the trust file says nothing of such"]
    );
    let ssh = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n";
    let ssh = model
        .after(&[good])
        .signed("ada@example.org", &|_| Some(ssh.to_owned()));
    assert_eq!(
        model.refusals(&base, &ssh),
        ["it has an ssh signature, and the trust file says nothing of such"]
    );
}

#[test]
fn strangers_and_lookalikes_are_told_apart_and_both_refused() {
    let mut model = Model::default();
    let base = model.root(&signers(&["ada"]));
    let codes = |judgements: Vec<Judgement>| -> Vec<&'static str> {
        let refusals = judgements.iter().flat_map(Judgement::refusals);
        refusals
            .map(|refusal| match refusal {
                Refusal::Signer(failure) => failure.reason.code(),
                other => panic!("{other}"),
            })
            .collect()
    };
    let stranger = model.after(&[base]).by("mallory");
    assert_eq!(codes(model.judge(&base, &stranger)), ["SH-SIGNER-UNLISTED"]);
    let alike = model.after(&[base]).by("adaa");
    assert_eq!(codes(model.judge(&base, &alike)), ["SH-IDENTITY"]);
}

#[test]
fn a_signers_time_is_held_against_the_proven_one() {
    let trust = format!(
        "{}[signers.eve]\nidentity = \"eve@example.org\"\nissuer = \"https://accounts.google.com\"\n\
         until = 1970-01-01T00:30:00Z\nrevoked = 1970-01-01T01:00:00Z\n",
        signers(&["ada"])
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    let before = model.after(&[base]).at(1800).by("eve");
    assert_eq!(model.refusals(&base, &before), none());
    for (at, why) in [
        (1801, "not for this time"),
        (3600, "it was revoked by then"),
    ] {
        let late = model.after(&[base]).at(at).by("eve");
        let [refusal] = model.refusals(&base, &late).try_into().unwrap();
        assert!(refusal.ends_with(why), "{refusal}");
    }
}

#[test]
fn who_is_revoked_on_the_default_branch_is_revoked_everywhere() {
    let mut model = Model::default();
    let old = model.root(&signers(&["ada", "eve"]));
    let revoked = signers(&["ada", "eve"]) + "revoked = 1970-01-01T00:00:01Z\n";
    let main = model.after(&[old]).file(TRUST_FILE, &revoked).by("ada");
    let tip = model.after(&[old]).by("eve");
    let (base, main) = (model.policy(&old), model.policy(&main));
    let other = "refs/heads/old";
    assert_eq!(
        texts(&model.judge_by(&base, None, other, &old, &tip)),
        none()
    );
    let InForce::Policy(main) = main else {
        panic!("no policy")
    };
    let found = texts(&model.judge_by(&base, Some(&main), other, &old, &tip));
    let [refusal] = found.try_into().unwrap();
    assert!(refusal.ends_with("it was revoked by then"), "{refusal}");
    // Somebody whom it lists, and the branch does not, is not let in by that.
    let wide = named(&(signers(&["zoe"]) + "revoked = 1970-01-01T02:00:00Z\n"));
    let InForce::Policy(wide) = wide else {
        panic!("no policy")
    };
    let zoe = model.after(&[old]).by("zoe");
    assert_eq!(
        texts(&model.judge_by(&base, Some(&wide), other, &old, &zoe)).len(),
        1
    );
}

#[test]
fn no_commit_authorises_itself() {
    let mut model = Model::default();
    let trust = signers(&["ada"]);
    let base = model.root(&trust);
    let wide = signers(&["ada", "mallory"]);
    let own = model.after(&[base]).file(TRUST_FILE, &wide).by("mallory");
    assert_eq!(model.judge(&base, &own).len(), 1);
    assert!(!model.judge(&base, &own)[0].is_allowed());
    // Nor does it authorise what comes after in the same push: all of it is refused together.
    let next = model.after(&[own]).by("mallory");
    assert!(!model.judge(&base, &next)[0].is_allowed());
}

#[test]
fn a_change_by_who_may_make_it_counts_from_the_next_commit_on() {
    let mut model = Model::default();
    let base = model.root(&format!("{}{KEPT}", signers(&["ada", "bob"])));
    let wide = format!("{}{KEPT}", signers(&["ada", "bob", "zoe"]));
    let change = model.after(&[base]).file(TRUST_FILE, &wide).by("ada");
    let next = model.after(&[change]).file("a", "1").by("zoe");
    assert_eq!(model.refusals(&base, &next), none());
    let judged = model.judge(&base, &next);
    assert_eq!(judged[1].policy, Some(PolicySource::Commit { id: change }));
    // Not by one who may not change it.
    let change = model.after(&[base]).file(TRUST_FILE, &wide).by("bob");
    assert_eq!(
        model.refusals(&base, &change),
        ["rule who asks for 1 of its signers, and 0 stand for it"]
    );
    // Narrowing counts at once too.
    let narrow = format!("{}{KEPT}", signers(&["ada"]));
    let change = model.after(&[base]).file(TRUST_FILE, &narrow).by("ada");
    let next = model.after(&[change]).by("bob");
    assert_eq!(model.refusals(&base, &next).len(), 1);
}

#[test]
fn a_change_of_the_trust_file_that_is_refused_changes_nothing() {
    let mut model = Model::default();
    let base = model.root(&format!("{}{KEPT}", signers(&["ada", "bob"])));
    let wide = format!("{}{KEPT}", signers(&["ada", "bob", "mallory"]));
    let change = model.after(&[base]).file(TRUST_FILE, &wide).by("bob");
    let next = model.after(&[change]).by("mallory");
    let judged = model.judge(&base, &next);
    let allowed: Vec<bool> = judged.iter().map(Judgement::is_allowed).collect();
    assert_eq!(allowed, [false, false]);
}

#[test]
fn a_side_line_never_brings_back_an_older_policy() {
    let mut model = Model::default();
    let old = model.root(&signers(&["ada", "mallory"]));
    let base = model
        .after(&[old])
        .file(TRUST_FILE, &signers(&["ada"]))
        .by("ada");
    // The line began when mallory was listed; its first commit is by somebody who still is.
    let side = model.after(&[old]).file("a", "1").by("ada");
    let stale = model.after(&[side]).file("b", "1").by("mallory");
    let merge = model
        .after(&[base, stale])
        .file("a", "1")
        .file("b", "1")
        .by("ada");
    let judged = model.judge(&base, &merge);
    let refused: Vec<ObjectId> = judged
        .iter()
        .filter(|one| !one.is_allowed())
        .map(|one| one.id)
        .collect();
    assert_eq!(refused, [stale]);
    // Nor by changing that old file on the way.
    let wide = signers(&["ada", "mallory", "zoe"]);
    let side = model.after(&[old]).file(TRUST_FILE, &wide).by("ada");
    let stale = model.after(&[side]).by("zoe");
    let merge = model.after(&[base, stale]).by("ada");
    let judged = model.judge(&base, &merge);
    let refused: Vec<ObjectId> = judged
        .iter()
        .filter(|one| !one.is_allowed())
        .map(|one| one.id)
        .collect();
    assert_eq!(refused, [stale]);
}

#[test]
fn breaking_the_trust_file_is_refused_and_removing_it_takes_who_may_change_it() {
    let mut model = Model::default();
    let base = model.root(&format!("{}{KEPT}", signers(&["ada", "bob"])));
    let broken = model
        .after(&[base])
        .file(TRUST_FILE, "[git]\nsinse = 1\n")
        .by("ada");
    let [refusal] = model.refusals(&base, &broken).try_into().unwrap();
    assert!(
        refusal.starts_with("it breaks the trust file: "),
        "{refusal}"
    );
    // What comes after is judged by what was there before.
    let next = model.after(&[broken]).by("mallory");
    assert_eq!(model.refusals(&base, &next).len(), 2);
    let by = |model: &mut Model, name| model.after(&[base]).without(TRUST_FILE).by(name);
    let (removed, other) = (by(&mut model, "ada"), by(&mut model, "bob"));
    assert_eq!(model.refusals(&base, &removed), none());
    assert_eq!(
        model.refusals(&base, &other),
        ["rule who asks for 1 of its signers, and 0 stand for it"]
    );
    // After that nobody may.
    let next = model.after(&[removed]).by("ada");
    assert_eq!(
        model.refusals(&base, &next),
        ["no trust file says who may commit"]
    );
    // A file that is broken at the base is no policy.
    let object = History::object(&model, &broken).unwrap().unwrap();
    assert!(matches!(
        InForce::at(&model, &object),
        Err(PolicyError::File(_))
    ));
}

#[test]
fn without_a_trust_file_nothing_is_let_through() {
    let mut model = Model::default();
    let first = model.after(&[]).by("ada");
    let next = model
        .after(&[first])
        .file(TRUST_FILE, &signers(&["ada"]))
        .by("ada");
    assert_eq!(
        model.refusals(&first, &next),
        ["no trust file says who may commit"]
    );
    // A named file judges from the first commit on.
    let judged = model.judge_by(&named(&signers(&["ada"])), None, MAIN, &first, &next);
    assert_eq!(texts(&judged), none());
    // And no file in the repository changes it.
    let wide = model
        .after(&[next])
        .file(TRUST_FILE, &signers(&["ada", "zoe"]))
        .by("ada");
    let zoe = model.after(&[wide]).by("zoe");
    let judged = model.judge_by(&named(&signers(&["ada"])), None, MAIN, &first, &zoe);
    assert_eq!(texts(&judged).len(), 1);
}

#[test]
fn a_threshold_counts_people() {
    let rule = "[git.rules.two]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"ada-2\", \"bob\"]\nthreshold = 2\n";
    let second = "committers = [\"ada@example.org\"]\n";
    let trust = format!(
        "{}{}{second}{rule}",
        signers(&["ada", "bob", "zoe"]),
        signers(&["ada-2"])
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    let tip = model.after(&[base]).by("ada");
    let one = ["rule two asks for 2 of its signers, and 1 stands for it"];
    assert_eq!(model.refusals(&base, &tip), one);
    for (approvals, expected) in [
        // The signer again, the same person by another account, somebody whom the rule does not name, a stranger.
        (vec!["ada"], 1),
        (vec!["ada-2"], 1),
        (vec!["zoe"], 1),
        (vec!["mallory"], 1),
        (vec!["zoe", "bob"], 0),
        (vec!["bob"], 0),
    ] {
        model.approvals.insert(tip, approvals);
        assert_eq!(model.refusals(&base, &tip).len(), expected);
    }
    let stands = &model.judge(&base, &tip)[0].stands;
    let by: Vec<_> = stands
        .iter()
        .map(|stand| (stand.names.join(","), &stand.by))
        .collect();
    assert_eq!(
        by,
        [
            ("ada".to_owned(), &StandsBy::Signature),
            ("bob".to_owned(), &StandsBy::Approval)
        ]
    );
    // An approval is of one commit.
    let next = model.after(&[tip]).by("ada");
    assert_eq!(model.refusals(&base, &next), one);
    // On another ref the rule does not apply.
    assert_eq!(texts(&model.judge_at("refs/heads/x", &base, &next)), none());
    // And approvals make no unsigned commit a signed one.
    let unsigned = model.after(&[tip]).unsigned();
    model.approvals.insert(unsigned, vec!["ada", "bob"]);
    assert_eq!(model.refusals(&tip, &unsigned), ["it is not signed"]);
}

#[test]
fn one_signature_is_one_person_by_however_many_names() {
    let workflow = "https://github.com/acme/app/.github/workflows";
    let entry = |name: &str, identity: &str| {
        format!(
            "[signers.{name}]\nidentity = \"{identity}\"\nissuer = \"https://accounts.google.com\"\n"
        )
    };
    let rule = "[git.rules.two]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ci\", \"any\", \"ada\"]\nthreshold = 2\n";
    let exact = format!("{workflow}/ci.yml@refs/heads/main");
    let trust = [
        entry("ci", &exact),
        entry("any", &format!("{workflow}/*@refs/heads/*")),
        signers(&["ada"]),
        rule.to_owned(),
    ]
    .concat();
    let mut model = Model::default();
    let base = model.root(&trust);
    let tip = model.after(&[base]).committer("ci@example.org").by(&exact);
    let one = ["rule two asks for 2 of its signers, and 1 stands for it"];
    assert_eq!(model.refusals(&base, &tip), one);
    // Nor twice.
    model.approvals.insert(
        tip,
        vec!["https://github.com/acme/app/.github/workflows/ci.yml@refs/heads/main"],
    );
    assert_eq!(model.refusals(&base, &tip), one);
    model.approvals.insert(tip, vec!["ada"]);
    assert_eq!(model.refusals(&base, &tip), none());
}

#[test]
fn rules_about_paths_are_met_by_who_changes_them_all_together() {
    let rules = "[git.rules.core]\nrefs = [\"refs/heads/main\"]\npaths = [\"src/core/**\"]\nsigners = [\"ada\"]\n\
                 [git.rules.src]\nrefs = [\"refs/heads/main\"]\npaths = [\"src/**\"]\nsigners = [\"ada\", \"bob\"]\n";
    let mut model = Model::default();
    let base = model.root(&format!("{}{rules}", signers(&["ada", "bob", "zoe"])));
    let mut says = |path: &str, who: &str| {
        let tip = model.after(&[base]).file(path, "1").by(who);
        let found = model.judge(&base, &tip);
        let rules = found[0].refusals().iter().map(|refusal| match refusal {
            Refusal::Rule {
                rule,
                path: Some(_),
                ..
            } => rule.clone(),
            other => panic!("{other}"),
        });
        rules.collect::<Vec<_>>()
    };
    assert_eq!(says("README", "zoe"), none());
    assert_eq!(says("src/a", "zoe"), ["src"]);
    assert_eq!(says("SRC/a", "zoe"), ["src"]);
    assert_eq!(says("src/a", "bob"), none());
    // A wider rule that is met does not stand in for the narrower one.
    assert_eq!(says("src/core/a", "bob"), ["core"]);
    assert_eq!(says("src/core/a", "zoe"), ["core", "src"]);
    assert_eq!(says("src/core/a", "ada"), none());
    // Taking away is a change.
    let with = model.after(&[base]).file("src/core/a", "1").by("ada");
    let gone = model.after(&[with]).without("src/core/a").by("bob");
    assert_eq!(model.refusals(&with, &gone).len(), 1);
    // An approval by one of the rule's signers is enough.
    model.approvals.insert(gone, vec!["ada"]);
    assert_eq!(model.refusals(&with, &gone), none());
}

#[test]
fn a_merge_answers_for_what_neither_side_brought() {
    let mut model = Model::default();
    let base = model.root(&format!("{}{KEPT}", signers(&["ada", "bob", "mallory"])));
    let narrow = format!("{}{KEPT}", signers(&["ada", "bob"]));
    let main = model.after(&[base]).file(TRUST_FILE, &narrow).by("ada");
    let side = model.after(&[base]).file("a", "1").by("bob");
    let plain = model.after(&[main, side]).file("a", "1").by("bob");
    assert_eq!(model.refusals(&main, &plain), none());
    let back = model
        .after(&[side, main])
        .file(TRUST_FILE, &narrow)
        .by("bob");
    assert_eq!(model.refusals(&main, &back), none());
    let who = ["rule who asks for 1 of its signers, and 0 stand for it"];
    // Something of its own, where neither side has it.
    let wide = format!("{}{KEPT}", signers(&["ada", "bob", "eve"]));
    let evil = model
        .after(&[main, side])
        .file("a", "1")
        .file(TRUST_FILE, &wide)
        .by("bob");
    assert_eq!(model.refusals(&main, &evil), who);
    // The old file, as the side still has it: taken over, or kept in a merge the other way round.
    let old = model.after(&[main, side]).like(&side).by("bob");
    assert_eq!(model.refusals(&main, &old), who);
    let kept = model.after(&[side, main]).by("bob");
    assert_eq!(model.refusals(&main, &kept), who);
    // Of three parents every difference counts.
    let third = model.after(&[base]).file("c", "1").by("bob");
    let octopus = model
        .after(&[main, side, third])
        .file("a", "1")
        .file("c", "1")
        .by("bob");
    assert_eq!(model.refusals(&main, &octopus), who);
}

#[test]
fn an_unrelated_history_is_judged_like_any_other() {
    let mut model = Model::default();
    let base = model.root(&format!("{}{KEPT}", signers(&["ada", "bob"])));
    let other = model
        .after(&[])
        .file(TRUST_FILE, &signers(&["mallory"]))
        .by("mallory");
    let next = model.after(&[other]).by("mallory");
    let merge = model.after(&[base, next]).by("ada");
    let judged = model.judge(&base, &merge);
    let refused: Vec<ObjectId> = judged
        .iter()
        .filter(|one| !one.is_allowed())
        .map(|one| one.id)
        .collect();
    assert_eq!(refused, [other, next]);
}

#[test]
fn the_cut_over_takes_in_what_it_names_and_nothing_that_looks_like_it() {
    let mut model = Model::default();
    let first = model.after(&[]).file("a", "1").unsigned();
    let cut = model.after(&[first]).file("a", "2").unsigned();
    let trust = format!("{}[git]\nsince = \"{cut}\"\n", signers(&["ada"]));
    let base = named(&trust);
    let tip = model.after(&[cut]).by("ada");
    let elsewhere = model.after(&[]).file("elsewhere", "1").unsigned();
    let judge = |model: &Model, tip: &ObjectId| model.judge_by(&base, None, MAIN, &elsewhere, tip);
    let judged = judge(&model, &tip);
    let outcomes: Vec<_> = judged.iter().map(|one| one.outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::BeforeCutOver,
            Outcome::BeforeCutOver,
            Outcome::Allowed
        ]
    );
    // The same history, written anew.
    let again = model.after(&[first]).file("a", "evil").unsigned();
    let rewritten = model.after(&[again]).by("ada");
    assert_eq!(texts(&judge(&model, &rewritten)), ["it is not signed"]);
    // What branched off before the cut-over is not before it.
    let side = model.after(&[first]).unsigned();
    let merge = model.after(&[tip, side]).by("ada");
    assert_eq!(texts(&judge(&model, &merge)), ["it is not signed"]);
    // A cut-over that is not there takes in nothing.
    let nowhere = named(&format!(
        "{}[git]\nsince = \"{}\"\n",
        signers(&["ada"]),
        "0".repeat(40)
    ));
    let judged = model.judge_by(&nowhere, None, MAIN, &elsewhere, &tip);
    assert_eq!(texts(&judged).len(), 2);
}

#[test]
fn what_is_let_through_by_name_is_that_commit_alone() {
    let mut model = Model::default();
    let root = model.root(&signers(&["ada"]));
    let unsigned = model.after(&[root]).unsigned();
    let trust = format!(
        "{}[git]\ngrandfathered = [\"{unsigned}\"]\n",
        signers(&["ada"])
    );
    let judged = model.judge_by(&named(&trust), None, MAIN, &root, &unsigned);
    assert_eq!(judged[0].outcome, Outcome::Grandfathered);
    let next = model.after(&[unsigned]).unsigned();
    let judged = model.judge_by(&named(&trust), None, MAIN, &root, &next);
    assert_eq!(texts(&judged), ["it is not signed"]);
}

#[test]
fn the_committers_address_is_the_signers() {
    let strict = "[git.rules.strict]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"bob\"]\ncommitter = \"strict\"\n";
    let own = "committers = [\"ada@old.example.org\"]\n";
    let mut model = Model::default();
    let base = model.root(&format!(
        "{}{own}{}{strict}",
        signers(&["ada"]),
        signers(&["bob"])
    ));
    let mut says = |address: &str, reference: &str| {
        let tip = model.after(&[base]).committer(address).by("ada");
        let judged = model.judge_at(reference, &base, &tip);
        let findings: Vec<String> = judged[0].findings.iter().map(ToString::to_string).collect();
        (texts(&judged), findings)
    };
    for address in ["ada@example.org", "Ada@EXAMPLE.org", "ada@old.example.org"] {
        assert_eq!(says(address, MAIN), (none(), none()));
    }
    let other = "refs/heads/other";
    assert_eq!(
        says("ada@elsewhere.example", other),
        (
            none(),
            vec![
                "nothing ties its committer's address ada@elsewhere.example to ada, who signed it"
                    .to_owned()
            ]
        )
    );
    assert_eq!(
        says("ada@elsewhere.example", MAIN).0,
        [
            "nothing ties its committer's address to ada, who signed it, and rule strict asks for that"
        ]
    );
    for address in ["bob@example.org", "BOB@example.org"] {
        assert_eq!(
            says(address, other).0,
            ["its committer has the address of bob, and ada signed it"]
        );
    }
}

#[test]
fn who_may_sign_files_alone_commits_where_a_rule_says_so() {
    let trust = format!(
        "{}files = [\"*.tar.gz\"]\n[git.rules.notes]\nrefs = [\"refs/heads/notes\"]\nsigners = [\"ci\"]\n",
        signers(&["ada", "ci"])
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    let tip = model.after(&[base]).by("ci");
    assert_eq!(
        model.refusals(&base, &tip),
        ["its signer ci may sign files or statements alone, and no rule for this ref names it"]
    );
    assert_eq!(
        texts(&model.judge_at("refs/heads/notes", &base, &tip)),
        none()
    );
}

#[test]
fn who_may_sign_files_alone_stands_for_nothing_else_either() {
    let limited = "files = [\"*.tgz\"]\n";
    let approver = format!("attestations = [\"{}\"]\n", crate::approve::APPROVAL);
    let (key, sign) = crate::pgp::tests::forge();
    let trust = format!(
        "{}{limited}{}{approver}{}[git]\ncarriers = [\"ci\"]\n[git.platforms.github]\nkey = \"\"\"{key}\"\"\"\n",
        signers(&["release"]),
        signers(&["reader"]),
        signers(&["ada", "ci"]),
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    let squashed = model.after(&[base]).unsigned();
    for (sources, expected) in [
        (vec!["ada"], none()),
        (vec!["release"], vec!["it is not signed".to_owned()]),
        (vec!["ada", "release"], vec!["it is not signed".to_owned()]),
    ] {
        model.carried.insert(squashed, ("ci", sources));
        assert_eq!(model.refusals(&base, &squashed), expected);
    }
    let merged = model
        .after(&[base])
        .file("a", "1")
        .signed("noreply@forge.example", &|payload| Some(sign(payload)));
    let alone = ["github signed it, and it is no merge of two"];
    for (approver, is_enough) in [("release", false), ("reader", true), ("ada", true)] {
        model.approvals.insert(merged, vec![approver]);
        let expected: &[&str] = if is_enough { &[] } else { &alone };
        assert_eq!(model.refusals(&base, &merged), expected);
    }
}

#[test]
fn a_squashed_commit_stands_by_its_sources_where_the_carrier_is_believed() {
    let rule = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\"]\n";
    let trust = |carriers: &str| {
        format!(
            "{}[git]\ncarriers = [{carriers}]\n{rule}",
            signers(&["ada", "bob", "ci"])
        )
    };
    let mut model = Model::default();
    let base = model.root(&trust("\"ci\""));
    let deaf = model.root(&trust(""));
    for (parent, by, sources, expected) in [
        (base, "ci", vec!["ada"], none()),
        (
            base,
            "bob",
            vec!["ada"],
            vec!["it is not signed".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["forged"],
            vec!["it is not signed".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["mallory"],
            vec!["it is not signed".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["ada", "mallory"],
            vec!["it is not signed".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["ada", "forged"],
            vec!["it is not signed".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["bob"],
            vec!["rule main asks for 1 of its signers, and 0 stand for it".to_owned()],
        ),
        (
            base,
            "ci",
            vec!["ada", "bob"],
            vec!["rule main asks for 1 of its signers, and 0 stand for it".to_owned()],
        ),
        (deaf, "ci", vec!["ada"], vec!["it is not signed".to_owned()]),
    ] {
        let squashed = model.after(&[parent]).unsigned();
        model.carried.insert(squashed, (by, sources));
        assert_eq!(model.refusals(&parent, &squashed), expected);
    }
    // A signature that does not hold is not made good by it.
    let forged = model.after(&[base]).by("forged");
    model.carried.insert(forged, ("ci", vec!["ada"]));
    assert_eq!(model.refusals(&base, &forged).len(), 1);
}

#[test]
fn who_wrote_one_part_of_a_squash_does_not_stand_for_another() {
    let rule = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\", \"bob\", \"eve\"]\nthreshold = 2\n";
    let trust = format!(
        "{}[git]\ncarriers = [\"ci\"]\n{rule}",
        signers(&["ada", "bob", "ci", "eve"])
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    for (sources, approver, is_enough) in [
        (vec!["ada", "bob"], None, false),
        (vec!["ada", "bob"], Some("ada"), false),
        (vec!["ada", "bob"], Some("eve"), true),
        (vec!["ada"], Some("bob"), true),
    ] {
        let squashed = model.after(&[base]).unsigned();
        model.carried.insert(squashed, ("ci", sources));
        model
            .approvals
            .insert(squashed, approver.into_iter().collect());
        let expected = match is_enough {
            true => none(),
            false => vec!["rule main asks for 2 of its signers, and 1 stands for it".to_owned()],
        };
        assert_eq!(model.refusals(&base, &squashed), expected);
    }
}

#[test]
fn a_forge_merges_plainly_what_somebody_listed_signed() {
    let (key, sign) = crate::pgp::tests::forge();
    let trust = format!(
        "{}{KEPT}[git.platforms.github]\nkey = \"\"\"{key}\"\"\"\n",
        signers(&["ada", "bob"])
    );
    let mut model = Model::default();
    let base = model.root(&trust);
    let main = model.after(&[base]).file("m", "1").by("ada");
    let side = model.after(&[base]).file("a", "1").by("bob");
    let forge = |payload: &[u8]| Some(sign(payload));
    let web = "noreply@forge.example";
    let plain = model
        .after(&[main, side])
        .file("a", "1")
        .signed(web, &forge);
    let judged = model.judge(&main, &plain);
    assert_eq!(texts(&judged), none());
    let by = StandsBy::Merge {
        platform: "github".to_owned(),
    };
    let names = vec!["bob".to_owned()];
    assert_eq!(judged[1].stands, [Stand { names, by }]);

    let mut says =
        |parents: &[ObjectId], files: &[(&str, &str)], armor: &dyn Fn(&[u8]) -> Option<String>| {
            let mut draft = model.after(parents);
            for (path, content) in files {
                draft = draft.file(path, content);
            }
            let tip = draft.signed(web, armor);
            let found = model.judge(&main, &tip);
            texts(&found[found.len() - 1..])
        };
    let evil = says(&[main, side], &[("a", "1"), ("m", "2")], &forge);
    assert_eq!(evil, ["github signed it, and it changes m by itself"]);
    let squash = says(&[main], &[("a", "1")], &forge);
    assert_eq!(squash, ["github signed it, and it is no merge of two"]);
    // The signature of another payload.
    let forged = says(&[main, side], &[("a", "1")], &|_| {
        Some(sign(b"something else"))
    });
    assert_eq!(
        forged,
        ["its PGP signature does not hold: none of the keys made the signature"]
    );
    let stranger = model.after(&[base]).file("a", "1").by("mallory");
    let merge = model
        .after(&[main, stranger])
        .file("a", "1")
        .signed(web, &forge);
    let found = model.refusals(&main, &merge);
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[1],
        format!("github signed it, and nobody who is listed signed its second parent {stranger}")
    );
    // Where both changed one file, it is plain if merging again gives the same; not so of who may commit.
    let both = |model: &mut Model, path: &str| {
        let one = model
            .after(&[main])
            .file(path, &format!("{trust}# 1"))
            .by("ada");
        let other = model
            .after(&[base])
            .file(path, &format!("{trust}# 2"))
            .by("ada");
        let merge = model
            .after(&[one, other])
            .file("m", "1")
            .file(path, &format!("{trust}# 1 and 2"))
            .signed(web, &forge);
        let tree = *model.tree(&merge);
        model.merged.insert([one, other], tree);
        model.refusals(&main, &merge)
    };
    assert_eq!(both(&mut model, "a"), none());
    let own = format!("github signed it, and it changes {TRUST_FILE} by itself");
    assert_eq!(both(&mut model, TRUST_FILE)[0], own);
    // What is not plain can still be approved, by who may change it.
    let evil = model
        .after(&[main, side])
        .file("a", "1")
        .file("m", "2")
        .signed(web, &forge);
    model.approvals.insert(evil, vec!["ada"]);
    assert_eq!(model.refusals(&main, &evil), none());
}

fn judge_of<'a>(model: &'a Model, reference: &'a str, base: &'a InForce) -> Judge<'a> {
    Judge {
        history: model,
        evidence: model,
        reference: Some(reference),
        base,
        revoking: None,
        now: signhere_pki::time::Time::from_unix(5000),
        limits: Limits {
            commits: 1,
            is_over: &|| false,
        },
    }
}

#[test]
fn a_tag_is_signed_by_who_may_tag() {
    let rules = "[git.rules.tags]\nrefs = [\"refs/tags/**\"]\nsigners = [\"ada\"]\n\
                 [git.rules.paths]\nrefs = [\"refs/tags/**\"]\npaths = [\"**\"]\nsigners = [\"bob\"]\n";
    let mut model = Model::default();
    let base = model.root(&format!("{}{rules}", signers(&["ada", "bob"])));
    let in_force = model.policy(&base);
    let mut says = |signer: &str| {
        let tag = model.tag(&base, "v1", signer);
        let judge = judge_of(&model, "refs/tags/v1", &in_force);
        texts(&[judge.tag(&tag).unwrap()])
    };
    assert_eq!(says("ada"), none());
    assert_eq!(
        says("bob"),
        ["rule tags asks for 1 of its signers, and 0 stand for it"]
    );
    assert_eq!(says("mallory").len(), 1);
}

#[test]
fn an_approval_of_a_tag_counts_for_its_threshold() {
    let rule = "[git.rules.tags]\nrefs = [\"refs/tags/**\"]\nsigners = [\"ada\", \"bob\"]\nthreshold = 2\n";
    let mut model = Model::default();
    let base = model.root(&format!("{}{rule}", signers(&["ada", "bob"])));
    let in_force = model.policy(&base);
    let tag = model.tag(&base, "v1", "ada");
    let mut says = |approver: Option<(ObjectId, &'static str)>| {
        model.approvals = approver
            .map(|(of, by)| (of, vec![by]))
            .into_iter()
            .collect();
        let judge = judge_of(&model, "refs/tags/v1", &in_force);
        texts(&[judge.tag(&tag).unwrap()])
    };
    let one = ["rule tags asks for 2 of its signers, and 1 stands for it"];
    assert_eq!(says(None), one);
    assert_eq!(says(Some((tag.id(), "ada"))), one);
    // What is said of the commit is not said of the tag.
    assert_eq!(says(Some((base, "bob"))), one);
    assert_eq!(says(Some((tag.id(), "bob"))), none());
}

#[test]
fn a_long_range_is_judged_in_order_and_each_signature_looked_at_once() {
    struct Counted<'m>(&'m Model, Mutex<BTreeMap<ObjectId, usize>>);

    impl Evidence for Counted<'_> {
        fn signed(&self, object: &Object) -> Signed {
            *self.1.lock().unwrap().entry(object.id()).or_default() += 1;
            self.0.signed(object)
        }

        fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError> {
            self.0.approvals(object)
        }

        fn carried(
            &self,
            commit: &Object,
            believes: &dyn Fn(&Proven) -> bool,
        ) -> Result<Vec<Carried>, RepositoryError> {
            self.0.carried(commit, believes)
        }
    }

    let mut model = Model::default();
    let base = model.root(&signers(&["ada"]));
    let mut tip = base;
    let mut expected = Vec::new();
    for number in 0..200 {
        let draft = model.after(&[tip]);
        tip = match number % 7 {
            0 => draft.unsigned(),
            1 => draft.by("mallory"),
            2 => draft.by("forged"),
            _ => draft.by("ada"),
        };
        expected.push((tip, number % 7 > 2));
    }
    let in_force = model.policy(&base);
    let counted = Counted(&model, Mutex::default());
    let limits = Limits {
        commits: 200,
        is_over: &|| false,
    };
    let judge = Judge {
        evidence: &counted,
        limits,
        ..judge_of(&model, MAIN, &in_force)
    };
    let mut found = Vec::new();
    judge
        .range(&tip, &[base], &mut |one| {
            found.push((one.id, one.is_allowed()))
        })
        .unwrap();
    assert_eq!(found, expected);
    let counts = counted.1.into_inner().unwrap();
    assert!(counts.values().all(|count| *count == 1));
    assert_eq!(counts.len(), expected.len() - 29);
}

#[test]
fn what_is_too_much_is_not_decided() {
    let mut model = Model::default();
    let base = model.root(&signers(&["ada"]));
    let one = model.after(&[base]).by("ada");
    let two = model.after(&[one]).by("ada");
    let in_force = model.policy(&base);
    let range = |commits: usize, is_over: &dyn Fn() -> bool| {
        let limits = Limits { commits, is_over };
        let judge = Judge {
            limits,
            ..judge_of(&model, MAIN, &in_force)
        };
        judge.range(&two, &[base], &mut |_| {}).map(|_| ())
    };
    assert_eq!(range(2, &|| false), Ok(()));
    assert_eq!(range(1, &|| false), Err(JudgeError::TooMany { limit: 1 }));
    assert_eq!(
        range(2, &|| true),
        Err(JudgeError::TooLong { done: 0, all: 2 })
    );
}
