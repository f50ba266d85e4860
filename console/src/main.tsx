// Starts the console: theme, query cache, page. Everything else is below.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/errors';
import { App } from './App';
import { useTheme } from './theme/choose';
import { theme } from './theme/mantine';
import './theme/index.css';

const TRIES = 2;
const client = new QueryClient({
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: false,
      // Questions that are wrong stay wrong; a server that is away has its own countdown on the page.
      retry: (tries, error) => error instanceof ApiError && error.status === 0 && tries < TRIES,
      retryDelay: 150,
    },
  },
});

function Root() {
  const scheme = useTheme();
  // Mantine's own style elements are switched off: the page's security policy allows stylesheets of this origin only.
  return (
    <MantineProvider theme={theme} forceColorScheme={scheme} withCssVariables={false} withGlobalClasses={false} deduplicateCssVariables={false}>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  );
}

createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
