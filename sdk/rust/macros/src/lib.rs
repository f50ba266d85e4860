//! The attribute `#[intent]`: writes a function anew whose calls are units of work. Must not know what becomes of them.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, ItemFn, LitInt, LitStr, Result, Token, parenthesized, parse_macro_input};

/// Declares what a function is meant to do: `#[intent("Place the order and charge once", within = "2 s")]`.
///
/// - `within = "2 s"`: how long it may take (`ms`, `s`, `min`, `h`).
/// - `expects("charged once")`: names of the conditions that the code below checks with `expect!`.
/// - `ensures("is positive" = |total: &i64| *total > 0)`: conditions on what it returns.
/// - `name`, `owner`, `sample_rate`. The name is the function's path unless one is given.
#[proc_macro_attribute]
pub fn intent(said: TokenStream, function: TokenStream) -> TokenStream {
    let said = parse_macro_input!(said as Said);
    let function = parse_macro_input!(function as ItemFn);
    written(&said, function).unwrap_or_else(Error::into_compile_error).into()
}

struct Said {
    text: LitStr,
    name: Option<LitStr>,
    within: Option<LitStr>,
    owner: Option<LitStr>,
    sample_rate: Option<LitInt>,
    expects: Vec<LitStr>,
    ensures: Vec<(LitStr, Expr)>,
}

struct Condition(LitStr, Expr);

impl Parse for Condition {
    fn parse(input: ParseStream<'_>) -> Result<Condition> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Condition(name, input.parse()?))
    }
}

impl Parse for Said {
    fn parse(input: ParseStream<'_>) -> Result<Said> {
        let text =
            input.parse().map_err(|e| Error::new(e.span(), "say first what it is meant to do: #[intent(\"…\")]"))?;
        let (expects, ensures) = (Vec::new(), Vec::new());
        let mut said = Said { text, name: None, within: None, owner: None, sample_rate: None, expects, ensures };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if !input.is_empty() {
                said.option(input)?;
            }
        }
        Ok(said)
    }
}

impl Said {
    fn option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key: Ident = input.parse()?;
        match key.to_string().as_str() {
            "name" => self.name = Some(value(input)?),
            "within" => self.within = Some(value(input)?),
            "owner" => self.owner = Some(value(input)?),
            "sample_rate" => self.sample_rate = Some(value(input)?),
            "expects" => {
                let names;
                parenthesized!(names in input);
                self.expects = Punctuated::<LitStr, Token![,]>::parse_terminated(&names)?.into_iter().collect();
            }
            "ensures" => {
                let conditions;
                parenthesized!(conditions in input);
                let conditions = Punctuated::<Condition, Token![,]>::parse_terminated(&conditions)?;
                self.ensures = conditions.into_iter().map(|Condition(name, holds)| (name, holds)).collect();
            }
            _ => return Err(Error::new(key.span(), "not one of name, within, owner, sample_rate, expects, ensures")),
        }
        Ok(())
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn written(said: &Said, function: ItemFn) -> Result<Tokens> {
    let ItemFn { attrs, vis, sig, block } = function;
    if let Some(constant) = sig.constness {
        return Err(Error::new_spanned(constant, "a const fn does no work that could be observed"));
    }
    let statics = statics(said, &sig.ident)?;
    let judge = judge(said);
    let output = match &sig.output {
        syn::ReturnType::Default => quote!(()),
        syn::ReturnType::Type(_, kind) => quote!(#kind),
    };
    let span_name = sig.ident.to_string();
    let span = quote!(|| ::outcrop::written::tracing::info_span!(#span_name));
    let work = if sig.asyncness.is_some() {
        quote! {
            ::outcrop::written::run_async(&INTENT, #span, async move {
                let done: #output = async move #block.await;
                done
            }, #judge).await
        }
    } else if matches!(&sig.output, syn::ReturnType::Type(_, kind) if matches!(**kind, syn::Type::ImplTrait(_))) {
        quote!(::outcrop::written::run(&INTENT, #span, move || #block, #judge))
    } else {
        quote!(::outcrop::written::run(&INTENT, #span, move || -> #output #block, #judge))
    };
    Ok(quote! {
        #(#attrs)* #vis #sig {
            #statics
            #work
        }
    })
}

/// The intent, known to the program from its start.
fn statics(said: &Said, function: &Ident) -> Result<Tokens> {
    let text = &said.text;
    let function = function.to_string();
    let function = quote!(concat!(module_path!(), "::", #function));
    let name = said.name.as_ref().map_or_else(|| function.clone(), |name| quote!(#name));
    let (label, nanoseconds) = match &said.within {
        Some(within) => duration(within)?,
        None => (String::new(), u64::MAX),
    };
    let expects = said.expects.iter().map(expectation);
    let ensures = said.ensures.iter().map(|(name, _)| expectation(name));
    let owner = said.owner.as_ref().map_or_else(|| quote!(""), |owner| quote!(#owner));
    let rate = said.sample_rate.as_ref().map_or_else(|| quote!(0), |rate| quote!(#rate));
    Ok(quote! {
        static INTENT: ::outcrop::Intent = ::outcrop::Intent::written(
            #text, #name, (#label, #nanoseconds), &[#(#expects),*], &[#(#ensures),*], #owner, #rate,
            (#function, file!(), line!()),
        );
        ::outcrop::written::inventory::submit!(::outcrop::written::Declared(&INTENT));
    })
}

/// The name of an expectation as it can stand in a list.
fn expectation(name: &LitStr) -> String {
    name.value().replace(';', ",")
}

/// What the result says: its error, and the conditions on it that do not hold. A result that is an error has none.
fn judge(said: &Said) -> Tokens {
    let checks = said.ensures.iter().map(|(name, holds)| {
        let name = expectation(name);
        quote!(if !::std::convert::identity::<bool>((#holds)(result)) { unmet.push(#name); })
    });
    quote! {
        |result| {
            #[allow(unused_imports, reason = "one of three fits the type")]
            use ::outcrop::written::{ViaDebug as _, ViaDisplay as _, ViaNothing as _};
            let error = (&&&::outcrop::written::Probe(result)).error();
            #[allow(unused_mut, reason = "most intents have no conditions on the result")]
            let mut unmet = ::std::vec::Vec::new();
            if error.is_none() { #(#checks)* }
            ::outcrop::written::Judged { error, unmet }
        }
    }
}

/// `within 2 s` and its nanoseconds.
fn duration(said: &LitStr) -> Result<(String, u64)> {
    let text = said.value();
    let text = text.trim();
    let wrong = || Error::new(said.span(), "no duration; write a number and ms, s, min or h: \"2 s\"");
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = (text[..at].trim(), text[at..].trim());
    let factor = match unit {
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        "h" => 3600e9,
        _ => return Err(wrong()),
    };
    let value: f64 = number.parse().map_err(|_| wrong())?;
    Ok((format!("within {number} {unit}"), (value * factor).round() as u64))
}
