// An explanation as a sentence: shares, and conditions that are buttons.
import { Fragment } from 'react';
import type { Condition, Sentence as Said } from '../../words/different';
import { ConditionButton } from './ConditionButton';

export function Sentence({ said, says }: { said: Said; says: (condition: Condition) => string | null }) {
  return (
    <>
      <b className="refined" key={said.share}>{said.share}</b> of {said.who} {said.verb}{' '}
      {said.conditions.map((c, i) => (
        <Fragment key={c.text}>
          {c.lead && <>{c.lead} </>}
          <ConditionButton condition={c} said={says(c)} />
          {i === said.conditions.length - 1 ? '.' : ''}{' '}
        </Fragment>
      ))}
      <span className="second refined" key={said.others}>{said.others}</span>
    </>
  );
}

/** The same words without buttons: for lines that are a button as a whole. */
export function PlainSentence({ said }: { said: Said }) {
  return (
    <>
      <b className="these-words">{said.share}</b> of {said.who} {said.verb}{' '}
      {said.conditions.map((c, i) => <Fragment key={c.text}>{c.lead} <span className="mono strong" dir="auto">{c.text}</span>{i === said.conditions.length - 1 ? '. ' : ' '}</Fragment>)}
      <span className="mid">{said.others}</span>
    </>
  );
}
