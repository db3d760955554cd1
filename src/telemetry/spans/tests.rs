use super::TraceParent;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_traceparent_is_read_as_the_standard_wants_it() {
    let read = |value: &str| TraceParent::parse(value).map(|parent| parent.trace().to_string());
    for good in [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later",
    ] {
        assert_eq!(read(good).as_deref(), Some(TRACE), "{good}");
    }
    for bad in [
        "",
        "00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn a_tracestate_is_carried_on_or_says_nothing() {
    let state = |values: &[&str]| {
        let parent = TraceParent::parse(PARENT).expect("a parent");
        let parent = parent.with_state(values.iter().map(|value| value.as_bytes()));
        parent.context().trace_state().header()
    };
    assert_eq!(
        state(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]),
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    );
    assert_eq!(state(&["rojo=1", "congo=2"]), "rojo=1,congo=2", "several fields are one list");
    let longest = format!("a={}", "x".repeat(200));
    assert_eq!(state(&[&longest, &longest]), format!("{longest},{longest}"));
    for nothing in ["", "rojo", "ROJO=1", "rojo=\u{1}", "rojo=\u{e9}"] {
        assert_eq!(state(&[nothing]), "", "{nothing}");
    }
    assert_eq!(state(&[&longest, &longest, &longest]), "", "longer than anybody must carry on");
}
