use proptest::prelude::*;

use super::*;

/// Claims a and b, and one whose name is no word.
struct Some3;

impl Values for Some3 {
    fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, Disbelief> {
        Ok(match name {
            "a" => Some("A".into()),
            "b" => Some("".into()),
            "c.d/e-f" => Some("<F&\"".into()),
            "long" => Some("x".repeat(3000).into()),
            _ => None,
        })
    }
}

fn rendered(template: &str, absent: Absent) -> Result<String, Disbelief> {
    template.parse::<Template>().unwrap().render(&Some3, absent)
}

#[test]
fn what_templates_make() {
    for (template, expected) in [
        ("a", "A"),
        ("c.d/e-f", "<F&\""),
        ("{{.a}}", "A"),
        ("x/{{ .a }}/{{.a}}#{{ .b }}", "x/A/A#"),
        ("{{index . \"c.d/e-f\"}}", "<F&\""),
        ("{{(index . \"c.d/e-f\")}}", "<F&\""),
        ("{{index . `none`}}", ""),
        (
            "refs/{{if eq .a \"A\"}}heads/{{ else }}tags/{{end}}{{ .b }}",
            "refs/heads/",
        ),
        (
            "refs/{{if eq .a \"B\"}}heads/{{ else }}tags/{{end}}{{ .b }}",
            "refs/tags/",
        ),
        (
            "{{if eq (index . \"none\") \"true\"}}yes{{ else }}\"\"{{end}}",
            "\"\"",
        ),
        (
            "{{if .b}}1{{else if ne .a \"A\"}}2{{else if not .b}}3{{else}}4{{end}}",
            "3",
        ),
        ("{{if and .a .b}}1{{end}}{{or .b .a}}{{and .a \"z\"}}", "Az"),
        (
            "{{eq .a \"x\" \"A\"}}{{ne .a .a}}{{eq (eq .a .a) .a}}",
            "truefalsefalse",
        ),
        ("a {{- .a -}}  b {{/* {{ no }} */}} c", "aAb  c"),
        ("{{\"quoted \\\" \\\\ }}\"}}", "quoted \" \\ }}"),
        ("{{if .a}}{{if .b}}1{{else}}2{{end}}3{{end}}4", "234"),
    ] {
        assert_eq!(
            rendered(template, Absent::Empty).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn claims_that_are_missing() {
    let missing = |name: &str| Err(Disbelief::missing(name));
    for (template, name) in [
        ("none", "none"),
        ("{{ .none }}", "none"),
        ("{{if eq .none \"x\"}}{{end}}", "none"),
        ("", ""),
    ] {
        assert_eq!(
            rendered(template, Absent::Empty),
            missing(name),
            "{template}"
        );
    }
    assert_eq!(
        rendered("{{ index . \"c.d/e\" }}", Absent::Refused),
        missing("c.d/e")
    );
    let long = "{{.long}}{{.long}}";
    assert_eq!(
        rendered(long, Absent::Empty),
        Err(Disbelief::TooLong { limit: 4096 })
    );
}

#[test]
fn what_is_no_template() {
    for (template, error) in [
        ("{{ .a", "the template's action has no end"),
        (
            "{{ .a }",
            "the template has \"}\"; known are .claim, index, eq, ne, not, and, or, if, else, end",
        ),
        ("{{ \"a }}", "the template's literal has no end"),
        ("{{ `a }}", "the template's literal has no end"),
        ("{{/* a }}", "the template's comment has no end"),
        ("{{if .a}}x", "the template's if has no end"),
        ("{{if .a}}x{{else}}y", "the template's if has no end"),
        (
            "{{if .a}}x{{else}}y{{else}}z{{end}}",
            "the template has else where end is expected",
        ),
        ("x{{end}}", "the template has end where text is expected"),
        ("x{{else}}", "the template has else where text is expected"),
        ("{{end .a}}", "the template has more where }} is expected"),
        (
            "{{}}",
            "the template has nothing where .claim, a literal or ( is expected",
        ),
        (
            "{{if}}{{end}}",
            "the template has nothing where .claim, a literal or ( is expected",
        ),
        (
            "{{ . }}",
            "the template has . where .claim, a literal or ( is expected",
        ),
        ("{{ .a.b }}", "the template has . where a space is expected"),
        ("{{ .a .b }}", "the template has .b where }} is expected"),
        ("{{ (.a }}", "the template's ( has no end"),
        ("{{ .a) }}", "the template has ) where }} is expected"),
        (
            "{{ index .a \"b\" }}",
            "the template has index where index . \"claim\" is expected",
        ),
        (
            "{{ eq .a }}",
            "the template has eq with 1 where the right number of arguments is expected",
        ),
        (
            "{{ not }}",
            "the template has not with 0 where the right number of arguments is expected",
        ),
        (
            "{{ printf \"%s\" .a }}",
            "the template has \"printf\"; known are .claim, index, eq, ne, not, and, or, if, else, end",
        ),
        (
            "{{ range .a }}{{end}}",
            "the template has \"range\"; known are .claim, index, eq, ne, not, and, or, if, else, end",
        ),
        (
            "{{ .a | eq .b }}",
            "the template has \"|\"; known are .claim, index, eq, ne, not, and, or, if, else, end",
        ),
        (
            "{{ $x }}",
            "the template has \"$\"; known are .claim, index, eq, ne, not, and, or, if, else, end",
        ),
        (
            "{{ \"\\n\" }}",
            "the template has \\n where \\\" or \\\\ is expected",
        ),
    ] {
        let found = template.parse::<Template>().map_err(|e| e.to_string());
        assert_eq!(found, Err(error.to_owned()), "{template}");
    }
    let deep = format!(
        "{}.a{}",
        "{{(".to_owned() + &"(".repeat(17),
        ")".repeat(18) + "}}"
    );
    let too_deep = Err(TemplateError::TooDeep { limit: 16 });
    assert_eq!(deep.parse::<Template>(), too_deep);
    let deep = "{{if .a}}".repeat(18) + &"{{end}}".repeat(18);
    assert_eq!(deep.parse::<Template>(), too_deep);
    let long = TemplateError::TooLong {
        limit: 4096,
        found: 4097,
    };
    assert_eq!("x".repeat(4097).parse::<Template>(), Err(long));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, it is a template or it is not; and a template makes a text of at most 4 KiB or none.
    #[test]
    fn parsing_and_rendering_hold(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{{", "}}", "{{-", "-}}", " ", "if ", "else", "end", ".a", ".long", ".", "(", ")", "eq ", "not ", "index ",
                "\"a\"", "\"", "`", "/*", "*/", "x", "and ", "ü",
            ]),
            0..40,
        ),
    ) {
        let text = parts.concat();
        if let Ok(template) = text.parse::<Template>() {
            for absent in [Absent::Empty, Absent::Refused] {
                if let Ok(made) = template.render(&Some3, absent) {
                    prop_assert!(made.len() <= 4096);
                }
            }
        }
    }
}
