//! An explanation as a person reads it.

use std::fmt::Write;

use crate::cli::terminal::{Style, Terminal};
use crate::explain::{AnswerNote, DecisionNote, Explanation, RuleNote, Step};

/// Writes everything, the decision first.
pub fn write(explanation: &Explanation, terminal: &Terminal) -> String {
    let mut page = Page { text: String::new(), terminal };
    page.decision(&explanation.decision);
    page.request(explanation);
    page.forbids(explanation);
    page.routes(explanation);
    page.token(explanation);
    page.asked(explanation);
    page.shadows(explanation);
    page.answer(&explanation.answer);
    page.text
}

struct Page<'t> {
    text: String,
    terminal: &'t Terminal,
}

impl Page<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:indent$}{text}", "");
    }

    fn heading(&mut self, text: &str) {
        let heading = self.terminal.paint(Style::Strong, text);
        self.line(0, &format!("\n{heading}"));
    }

    fn faint(&self, text: &str) -> String {
        self.terminal.paint(Style::Faint, text)
    }

    fn decision(&mut self, decision: &DecisionNote) {
        let style = if decision.outcome == "allow" { Style::Good } else { Style::Bad };
        let outcome = self.terminal.paint(style, decision.outcome);
        self.line(0, &format!("{outcome} ({}): {}", decision.reason, decision.because));
        if let Some(rule) = &decision.rule {
            self.line(2, &format!("by {} {}", rule.kind, self.place(rule)));
        }
        if !decision.missing.is_empty() {
            self.line(2, &format!("missing: {}", decision.missing.join(", ")));
        }
        if let Some(next) = &decision.next {
            self.line(2, &format!("next: {next}"));
        }
    }

    fn place(&self, rule: &RuleNote) -> String {
        format!("{} {}", rule.name, self.faint(&format!("({}:{})", rule.file, rule.line)))
    }

    fn request(&mut self, explanation: &Explanation) {
        let request = &explanation.request;
        self.heading("Request");
        self.line(2, &format!("{} {} of host {}", request.method, request.target, request.host));
        if let Some(refused) = &request.refused {
            self.line(2, &format!("refused before any rule: {refused}"));
        }
        if let Some(read) = &request.read {
            self.line(2, &format!("read as: host {}, path /{}", read.host, read.segments.join("/")));
            for (name, value) in &read.query {
                self.line(2, &format!("query: {name} = {value}"));
            }
            if let Some(address) = &read.client_address {
                self.line(2, &format!("client address: {address}"));
            }
        }
    }

    fn forbids(&mut self, explanation: &Explanation) {
        if explanation.forbid.is_empty() {
            return;
        }
        self.heading("Forbid rules");
        for note in &explanation.forbid {
            let says = match (note.matches, note.holds) {
                (false, _) => format!("does not match: {}", note.why_not.as_deref().unwrap_or("not reached")),
                (true, Some(true)) => format!("forbids: {}", note.reason.unwrap_or("forbidden")),
                (true, Some(false)) => "matches, and is lifted".to_owned(),
                (true, None) => "matches; not judged".to_owned(),
            };
            let shadow = if note.shadow { " (shadow)" } else { "" };
            self.line(2, &format!("{}{shadow}: {says}", self.place(&note.rule)));
            if let Some(unless) = note.unless.as_ref().filter(|_| note.matches) {
                self.line(4, &format!("unless {unless}"));
            }
            self.steps(6, &note.checks);
        }
    }

    fn routes(&mut self, explanation: &Explanation) {
        if explanation.request.read.is_none() {
            return;
        }
        self.heading("Routes");
        if explanation.routes.is_empty() {
            self.line(2, "no path matches");
            if let Some(nearest) = &explanation.nearest_route {
                self.line(2, &format!("most like it: {nearest}"));
            }
        }
        for note in &explanation.routes {
            let shadow = if note.shadow { " (shadow)" } else { "" };
            let says = if note.wins { "wins" } else { note.why_not.as_deref().unwrap_or("does not win") };
            self.line(2, &format!("{} {}{shadow}: {says}", note.matched, self.faint(&spot(&note.rule))));
        }
    }

    fn token(&mut self, explanation: &Explanation) {
        let token = &explanation.token;
        if token.looked_in.is_empty() && token.place.is_none() {
            return;
        }
        self.heading("Token");
        match &token.place {
            Some(place) => self.line(2, &format!("found in {place}")),
            None => self.line(2, &format!("none in {}", token.looked_in.join(", "))),
        }
        for check in &token.checks {
            let assumed = check.check == "signature" && token.signature_assumed && check.verdict == "yes";
            let verdict = if assumed { "taken for good, not checked" } else { check.verdict };
            let verdict = match check.verdict {
                "no" => self.terminal.paint(Style::Bad, verdict),
                _ => verdict.to_owned(),
            };
            let says = [("", &check.says), ("asked: ", &check.asks)];
            let says: Vec<String> = says
                .iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(before, text)| format!("{before}{text}"))
                .collect();
            self.line(2, &format!("{:<10} {verdict}: {}", check.check, says.join("; ")));
        }
        if let Some(rejected) = &token.rejected {
            self.line(2, &format!("refused ({}): {}", rejected.reason, rejected.detail));
        }
        if let Some(caller) = &token.caller {
            let subject = caller.subject.as_deref().unwrap_or("(no subject)");
            self.line(2, &format!("caller: {subject} of issuer {}", caller.issuer));
            let lists = [
                ("guards", &caller.guards),
                ("scopes", &caller.scopes),
                ("roles", &caller.roles),
                ("groups", &caller.groups),
                ("permissions", &caller.permissions),
            ];
            for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                self.line(2, &format!("{name}: {}", list.join(", ")));
            }
        }
    }

    fn asked(&mut self, explanation: &Explanation) {
        let Some(asked) = &explanation.route else { return };
        self.heading("What the route asks");
        self.line(2, &format!("{}: {}", self.place(&asked.rule), asked.asks));
        for (name, value) in &asked.captures {
            self.line(4, &format!("{{{name}}} = {value}"));
        }
        self.steps(4, &asked.checks);
    }

    fn steps(&mut self, indent: usize, steps: &[Step]) {
        for step in steps {
            let verdict = match step.verdict {
                "yes" => self.terminal.paint(Style::Good, "yes"),
                other => self.terminal.paint(Style::Bad, other),
            };
            let has = step.has.as_ref().map(|has| format!("; has: {has}")).unwrap_or_default();
            let reason = step.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            self.line(indent, &format!("{verdict}{reason}: {}{has}", step.asks));
            self.steps(indent + 2, &step.steps);
        }
    }

    fn shadows(&mut self, explanation: &Explanation) {
        if explanation.shadow.is_empty() {
            return;
        }
        self.heading("Shadow rules would have said");
        for note in &explanation.shadow {
            let rule = note.rule.as_ref().map(|rule| self.place(rule)).unwrap_or_default();
            self.line(2, &format!("{} ({}): {rule}", note.outcome, note.reason));
        }
    }

    fn answer(&mut self, answer: &AnswerNote) {
        match answer {
            AnswerNote::Upstream { set, remove, remove_query, dropped } => {
                self.heading("The upstream sees");
                for (name, value) in set {
                    self.line(2, &format!("{name}: {value}"));
                }
                let lists = [
                    ("without headers", remove),
                    ("without query parameters", remove_query),
                    ("could not be sent", dropped),
                ];
                for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                    self.line(2, &format!("{name}: {}", list.join(", ")));
                }
                if set.is_empty() && remove.is_empty() && remove_query.is_empty() {
                    self.line(2, "the request as it came");
                }
            }
            AnswerNote::Client { status, headers, body } => {
                self.heading("The client gets");
                self.line(2, &format!("status {status}"));
                for (name, value) in headers {
                    self.line(2, &format!("{name}: {value}"));
                }
                if !body.is_empty() {
                    self.line(2, body);
                }
            }
        }
    }
}

fn spot(rule: &RuleNote) -> String {
    format!("({}:{})", rule.file, rule.line)
}
