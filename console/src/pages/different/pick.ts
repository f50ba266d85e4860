// Conditions on the page that open a menu: a condition of a sentence, a step of a distribution. One menu for the page.
import { createContext, useContext } from 'react';
import type { Filter } from '../../state/explore';

export type Condition = { filters: Filter[]; /** What the menu's head says: its shares on both sides. */ said: string | null; at: DOMRect };
export const ConditionContext = createContext<(condition: Condition) => void>(() => {});
export const useConditionMenu = () => useContext(ConditionContext);
