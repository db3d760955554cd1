use super::{shown, shown_body};

#[test]
fn of_an_answer_only_the_beginning_is_shown_and_nothing_that_a_terminal_obeys() {
    let page = "<b>\x1b[31m\n\u{e9}</b>".repeat(100);
    let told = shown_body(page.as_bytes()).unwrap();
    assert!(told.len() <= 200, "{}", told.len());
    assert!(told.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{told}");
    assert!(told.starts_with("<b>\\x1b[31m\\n\\xc3\\xa9</b>"));
    assert_eq!(shown(b"\xff"), "\\xff");
}

#[test]
fn of_json_nothing_is_shown_since_keys_stand_in_it() {
    for body in ["{\"keys\":[{\"k\":\"canary\"", " \r\n[1]", "\"canary\"", "42", "-1", ""] {
        assert_eq!(shown_body(body.as_bytes()), None, "{body}");
    }
}
